"""The command `revsig-keras`."""
import configparser
import pathlib
import runpy
import sys

import pytest

from revsig_keras import __main__ as command

ROOT = pathlib.Path(__file__).parents[2]


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["revsig-keras", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        command.main()
    return exit_info.value.code


@pytest.mark.parametrize("arguments, status", [
    (["--help"], 0),
    ([], "none"),
    (["publish"], "publish"),
])
def test_it_lists_its_programs(arguments, status, monkeypatch, capsys):
    code = call(monkeypatch, *arguments)
    text = capsys.readouterr().out if code == 0 else code
    assert code == status or f"Received: {status}\n" in code
    assert all(f"  {name}" in text for name in command.PROGRAMS)


@pytest.mark.parametrize("name", command.PROGRAMS)
def test_it_runs_a_program_with_the_other_arguments(name, monkeypatch):
    ran = []
    monkeypatch.setattr(runpy, "run_module", lambda module, **options: ran.append(
        (module, options, sys.argv[1:])))
    assert call(monkeypatch, name, "--json", "DIR") == 0
    assert ran == [(f"revsig_keras.{name}", dict(run_name="__main__",
                                                 alter_sys=True), ["--json", "DIR"])]


def test_it_is_declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options.entry_points"]["console_scripts"].split() == [
        "revsig-keras", "=", "revsig_keras.__main__:main"
    ]
