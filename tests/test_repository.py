"""The repository keeps its promises: commands, packaging, words."""

import configparser
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import revsig_keras
from revsig_keras.registry import Registry

ROOT = pathlib.Path(__file__).parents[1]


def blocks(language):
    """The code blocks of the README in a language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text(),
                        re.DOTALL | re.MULTILINE)
    return [code for name, code in fenced if name == language]


def test_ci_runs_the_test_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text()
    lines = "".join(blocks("bash")).splitlines()
    commands = [line.split("#")[0].strip() for line in lines if "-m pytest" in line]
    assert len(commands) == 2
    for command in commands:
        install, test = command.split(" && ")
        assert any(line.startswith(install) for line in ci.splitlines())
        assert test in ci.splitlines()


def test_the_code_of_the_readme_runs():
    """A block that serves a model serves a defended one; at least one does."""
    namespaces = []
    for code in blocks("python"):
        namespaces.append({})
        exec(compile(code, "README.md", "exec"), namespaces[-1])
    served = [namespace["served"] for namespace in namespaces if "served" in namespace]
    assert served and all(isinstance(model, revsig_keras.DefendedModel) for model in served)


def test_the_defence_that_the_readme_adds_is_short_and_can_be_chosen():
    """By the name and with the option that the README gives."""
    code, = (code for code in blocks("python") if "(revsig_keras.Defence)" in code)
    assert len(code.splitlines()) < 20
    namespace = {}
    exec(compile(code, "README.md", "exec"), namespace)
    member = re.findall(r"`--defences=(.*?)`", (ROOT / "README.md").read_text())[0]
    name, row = re.search(r'`"(\w+)": (\w+),`', (ROOT / "README.md").read_text()).groups()
    layer = Registry("defence", {name: namespace[row]}).make(member)
    y = np.float32([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(layer(y), 0.7 * y + 0.1, rtol=1e-6)
    reloaded = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(reloaded(y), layer(y))


def test_every_flagfile_that_the_readme_names_is_there():
    named = re.findall(r"attacks/configs/\w+\.flags", (ROOT / "README.md").read_text())
    assert set(named) == {
        f"attacks/configs/{path.name}" for path in (ROOT / "attacks" / "configs").glob("*.flags")
    }


def test_every_relative_link_of_the_documents_leads_somewhere():
    for document in ROOT.glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (ROOT / target).exists(), (document.name, target)


def test_a_wheel_holds_the_library_alone(tmp_path):
    pytest.importorskip("setuptools")
    source = tmp_path / "source"  # Built from a copy, since setuptools leaves a build folder.
    shutil.copytree(ROOT / "revsig_keras", source / "revsig_keras")
    for name in ("setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ("--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={tmp_path}")
    command = [sys.executable, "-m", "pip", "wheel", *options, str(source)]
    subprocess.run(command, check=True, timeout=120)
    wheel, = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"revsig_keras"}
    assert "revsig_keras/py.typed" in names
    assert wheel.name.split("-")[1] == revsig_keras.__version__


def test_upper_bounds_are_declared_for_tensorflow_and_keras():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    required = config["options"]["install_requires"].split()
    for name in ("tensorflow", "keras"):
        assert any(
            re.fullmatch(rf"{name}>=[\d.]+,<[\d.]+", requirement) for requirement in required)
    assert "importlib_resources" in config["options.extras_require"]["suite"].split()
