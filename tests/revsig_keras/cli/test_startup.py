"""Programs start fast and quietly; other processes are left as they are."""
import gc
import os
import pathlib
import subprocess
import sys
import types

import pytest

from revsig_keras.cli import startup
from tests.revsig_keras import backends

pytestmark = backends.only_on("tensorflow", reason="the programs are TensorFlow's")
ROOT = pathlib.Path(__file__).parents[3]
# Reports on the process at its end, whatever it does.
REPORT = """
import atexit, gc, os
atexit.register(lambda: print("at exit", gc.get_freeze_count(), gc.isenabled(),
                              os.environ.get("TF_CPP_MIN_LOG_LEVEL")))
"""


def run(tmp_path, *arguments, **variables):
    """Runs Python; returns its standard error and what it was at its end."""
    (tmp_path / "sitecustomize.py").write_text(REPORT)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    result = subprocess.run([sys.executable, *arguments],
                            cwd=ROOT,
                            env={
                                **kept, "PYTHONPATH": f"{tmp_path}:{ROOT}",
                                **variables
                            },
                            capture_output=True,
                            text=True,
                            timeout=120)
    *_, frozen, enabled, level = result.stdout.splitlines()[-1].split()
    return result.stderr, int(frozen), enabled == "True", level


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [
    ("-mattacks.plot",),
    ("-m", "revsig_keras.inspect"),
], ids=str)  # yapf: disable
def test_a_program_starts_quietly_and_without_the_garbage_of_tensorflow(arguments, tmp_path):
    stderr, frozen, enabled, level = run(tmp_path, *arguments, "--help")
    assert (stderr, enabled, level) == ("", True, "2") and frozen > 300_000


@pytest.mark.slow
def test_a_program_shows_the_log_that_is_asked_for(tmp_path):
    stderr, frozen, _, level = run(tmp_path,
                                   "-m",
                                   "models.tune",
                                   "--help",
                                   TF_CPP_MIN_LOG_LEVEL="0")
    assert stderr and level == "0" and frozen > 300_000


HOST = """
import gc, os
frozen, number = gc.get_freeze_count(), os.fstat(2).st_ino
import revsig_keras, models, attacks, benchmarks
import attacks.run, models.train
assert gc.get_freeze_count() == frozen and gc.isenabled() and os.fstat(2).st_ino == number
"""


@pytest.mark.parametrize("arguments", [
    ("-m", "host.serve"),
    pytest.param(("-c", HOST), marks=pytest.mark.slow),
], ids=["-m", "-c"])  # yapf: disable
def test_a_host_process_keeps_its_collector_environment_and_descriptors(arguments, tmp_path):
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "__init__.py").write_text(HOST)
    (tmp_path / "host" / "serve.py").write_text("")
    stderr, frozen, enabled, level = run(tmp_path, *arguments)
    assert "Error" not in stderr and (frozen, enabled) == (0, True), stderr
    assert level != "2", "the level that programs set"


@pytest.mark.parametrize("original, argv, expected", [
    (["python", "-m", "models.train", "--x=1"], ["-m", "--x=1"], True),
    (["python", "-X", "dev", "-m", "models.train"], ["-m"], True),
    (["python", "-mmodels.train", "-m"], ["-m", "-m"], True),
    (["python", "-m", "models.train"], ["/checkout/models/train.py"], False),
    (["python", "-m", "pytest", "models.train"], ["-m", "models.train"], False),
    (["python", "-c", "import models"], ["-c"], False),
    (["python"], [""], False),
])  # yapf: disable
def test_a_program_is_recognised_while_python_locates_it(original, argv, expected, monkeypatch):
    import models  # noqa: F401
    monkeypatch.setattr(sys, "orig_argv", original)
    monkeypatch.setattr(sys, "argv", argv)
    assert startup.is_program() == expected


def test_a_package_of_the_same_name_elsewhere_is_not_ours(monkeypatch, tmp_path):
    other = types.SimpleNamespace(__file__=str(tmp_path / "models" / "__init__.py"))
    monkeypatch.setitem(sys.modules, "models", other)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "models.train"])
    monkeypatch.setattr(sys, "argv", ["-m"])
    assert not startup.is_program()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_restored_after_an_error_too(monkeypatch, enabled):
    monkeypatch.setattr(gc, "freeze", lambda: None)
    if not enabled:
        gc.disable()
    try:
        with pytest.raises(KeyError), startup._uncollected():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        gc.enable()


def test_messages_that_were_held_back_are_shown_if_the_import_fails(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    with startup._quiet():
        os.write(2, b"looking for a GPU\n")
    with pytest.raises(ImportError), startup._quiet():
        os.write(2, b"no such library\n")
        raise ImportError
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")
    assert capfd.readouterr().err == "no such library\n"
