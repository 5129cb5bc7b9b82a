"""The library needs little, and names the extra that brings what is missing."""
import configparser
import importlib.util
import pathlib
import re
import sys

import pytest

from revsig_keras import extras
from revsig_keras.cli import startup
from revsig_keras.cli.tuning import TuneConfig

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return {
        extra: [line for line in text.split("\n") if line and not line.startswith("#")]
        for extra, text in config["options.extras_require"].items()
    } | {
        "": config["options"]["install_requires"].split()
    }


def packages(lines):
    return {re.match(r"[\w-]+", line)[0] for line in lines if not line.startswith("revsig_keras[")}


@pytest.fixture
def without(monkeypatch):
    """Hides modules, as if their packages were not installed."""

    def hide(*modules):
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None
                            if name in modules else found(name))

    return hide


def test_a_user_of_the_layer_installs_four_packages(declared):
    assert packages(declared[""]) == {"tensorflow", "keras", "numpy", "absl-py"}


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_the_packages_of_an_extra_are_those_of_the_installation(extra, declared):
    included = packages(declared["plot"]) if extra == "suite" else set()
    assert set(extras.EXTRAS[extra].values()) == packages(declared[extra]) | included


def test_the_tests_need_all_that_the_experiments_need(declared):
    assert "suite" in declared["test"][0] and declared["suite"][0] == "revsig_keras[plot]"


def test_what_is_missing_is_named_with_its_extra(without):
    extras.require("suite", "`x`")
    without("sklearn", "scipy")
    with pytest.raises(extras.MissingPackageError,
                       match=r"^`x` needs scipy, scikit-learn: "
                       r"pip install 'revsig_keras\[suite\]'$"):
        extras.require("suite", "`x`")
    with pytest.raises(ImportError, match="experiments"):
        startup.require_suite()


def test_a_program_ends_with_that_line(without, monkeypatch):
    without("tqdm")
    monkeypatch.setattr(sys, "argv", ["-m"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "revsig_keras.tune"])
    with pytest.raises(SystemExit, match=r"^error: Running experiments .* needs tqdm: pip install"):
        startup.require_suite()


def test_a_figure_that_cannot_be_drawn_is_refused_first(without):
    without("matplotlib")
    TuneConfig(max_l1=1.0)
    with pytest.raises(extras.MissingPackageError, match="`plot` needs matplotlib"):
        TuneConfig(max_l1=1.0, plot="frontier.png")
