"""A commit names one state of the sources."""

import os
import subprocess

import pytest

from attacks.results import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout that the module believes to be in."""

    def git(*arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    (tmp_path / "code.py").write_text("a = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "attacks" / "results" / "p.py"))
    return tmp_path


def test_every_state_of_the_sources_has_its_own_name(checkout):
    names = [provenance.commit()]
    assert len(names[0]) == 40
    for text in ("a = 2\n", "a = 3\n"):
        (checkout / "code.py").write_text(text)
        names.append(provenance.commit())
        assert names[-1].startswith(f"{names[0]}+changes-")
    (checkout / "folder").mkdir()
    for text in ("b = 1\n", "b = 2\n"):  # Not known to git yet.
        (checkout / "folder" / "new.py").write_text(text)
        names.append(provenance.commit())
    (checkout / "code.py").unlink()
    names.append(provenance.commit())
    assert len(set(names)) == len(names)


def test_git_is_not_locked(checkout):
    """A commit that the user makes meanwhile does not fail."""
    os.utime(checkout / "code.py", (0, 0))  # Then `git status` would write its index anew.
    index = (checkout / ".git" / "index").read_bytes()
    provenance.commit()
    assert (checkout / ".git" / "index").read_bytes() == index


def test_results_are_no_sources(checkout):
    before = provenance.commit()
    (checkout / "results.json").write_text("{}")
    assert provenance.commit() == before


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "attacks" / "results" / "p.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.commit() is None


@pytest.mark.parametrize("value", [None, "0", "1"])
def test_the_record_says_whether_onednn_was_chosen(monkeypatch, value):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", value)
    assert provenance.hardware()["onednn"] == value
