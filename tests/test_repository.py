"""The repository keeps its promises: commands, packaging, words."""

import configparser
import importlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import attacks
from attacks.report.columns.columns import markdown as columns_page
import revsig_keras
import revsig_keras.export
from revsig_keras.registry import Registry
import revsig_keras.testing
from tests.documents import blocks
from tests.documents import defence_that_is_added
from tests.documents import DOCUMENTS
from tests.documents import ROOT


def test_ci_runs_the_test_commands_of_the_readme():
    ci = (ROOT / ".ci" / "run").read_text()
    lines = "".join(code for _, code in blocks("bash", [ROOT / "README.md"])).splitlines()
    commands = [line.split("#")[0].strip() for line in lines if "-m pytest" in line]
    assert len(commands) == 2
    for command in commands:
        install, test = command.split(" && ")
        assert any(line.startswith(install) for line in ci.splitlines())
        assert test in ci.splitlines()


CODE = blocks("python")


@pytest.mark.parametrize("document, code", CODE,
                         ids=[f"{name}-{i}" for i, (name, _) in enumerate(CODE)])  # yapf: disable
def test_the_code_in_the_documents_runs(document, code):
    """A block that serves a model serves a defended one."""
    namespace = {}
    exec(compile(code, document, "exec"), namespace)
    if "served" in namespace:
        assert isinstance(namespace["served"], revsig_keras.DefendedModel)


def test_readme_and_owners_guide_serve_a_model():
    served = {document for document, code in CODE if "served = " in code}
    assert served >= {"README.md", "docs/owner.md"}


def test_the_readme_is_read_in_five_minutes():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_documentation_names_every_public_name():
    named = set(
        re.findall(r"^::: (\S+)$",
                   "\n".join(page.read_text() for page in (ROOT / "docs/reference").glob("*.md")),
                   re.MULTILINE))
    public = {
        f"{module.__name__}.{name}" for module in (revsig_keras, revsig_keras.metrics,
                                                   revsig_keras.export, revsig_keras.testing)
        for name in module.__all__ if name not in ("__version__", "metrics")
    }
    assert public <= named
    assert {name.rsplit(".")[-1] for name in named} >= set(attacks.__all__)
    for name in named:
        module, _, member = name.rpartition(".")
        assert hasattr(importlib.import_module(module), member), name


def test_the_page_of_the_columns_is_what_the_program_prints():
    """Made by `python -m attacks.plot --columns --markdown > docs/columns.md`."""
    assert (ROOT / "docs/columns.md").read_text() == columns_page() + "\n"


def test_the_defence_that_the_guide_adds_is_short_and_can_be_chosen():
    """By the name and with the option that the guide gives."""
    document, code = defence_that_is_added()
    assert len(code.splitlines()) < 20
    namespace = {}
    exec(compile(code, str(document), "exec"), namespace)
    text = document.read_text().partition(code)[2]
    member = re.findall(r"`--defences=(.*?)`", text)[0]
    name, row = re.search(r'`"(\w+)": (\w+),`', text).groups()
    layer = Registry("defence", {name: namespace[row]}).make(member)
    y = np.float32([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(layer(y), 0.7 * y + 0.1, rtol=1e-6)
    reloaded = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(reloaded(y), layer(y))


def test_every_flagfile_is_named_and_every_named_one_is_there():
    named = re.findall(r"attacks/configs/\w+\.flags",
                       "".join(document.read_text() for document in DOCUMENTS))
    assert set(named) == {
        f"attacks/configs/{path.name}" for path in (ROOT / "attacks" / "configs").glob("*.flags")
    }


def test_every_relative_link_of_the_documents_leads_somewhere():
    for document in {*ROOT.glob("*.md"), *DOCUMENTS}:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), (document.name, target)


def test_every_link_to_a_heading_leads_to_one():
    for document in {*ROOT.glob("*.md"), *DOCUMENTS}:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)",
                                         document.read_text()):
            path = document.parent / target if target else document
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in slugs, (document.name, target, anchor)


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
    check_long_description(zipfile.ZipFile(wheel), names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"revsig_keras"}
    assert "revsig_keras/py.typed" in names
    assert wheel.name.split("-")[1] == revsig_keras.__version__


def check_long_description(wheel, names):
    """Checks that a package index gets the README without links that lead nowhere there."""
    metadata, = (name for name in names if name.endswith(".dist-info/METADATA"))
    text = wheel.read(metadata).decode()
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"\]\((?!https?:)[^)]*\)", text) == []
    links = r"\[[^\]]*\]\(https?:[^)]*\)"
    assert re.findall(links, text) == re.findall(links, readme) != []
    for _, code in blocks("bash", [ROOT / "README.md"]) + blocks("python", [ROOT / "README.md"]):
        assert code in text
    assert "the [owner" in readme and "the owner's guide" in text


def test_who_cites_names_this_version():
    """And the changelog has a section of it, the first one after what is not released."""
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert cited == revsig_keras.__version__
    text = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## (.*)$", text, re.MULTILINE)
    first = sections[sections[0] == "Unreleased"]
    assert re.fullmatch(rf"{re.escape(cited)} - \d{{4}}-\d\d-\d\d", first)
    date = first.rpartition(" - ")[2]
    assert f"date-released: {date}" in (ROOT / "CITATION.cff").read_text().splitlines()


def test_upper_bounds_are_declared_for_tensorflow_and_keras():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    required = config["options"]["install_requires"].split()
    for name in ("tensorflow", "keras"):
        assert any(
            re.fullmatch(rf"{name}>=[\d.]+,<[\d.]+", requirement) for requirement in required)
    assert "importlib_resources" in config["options.extras_require"]["suite"].split()
