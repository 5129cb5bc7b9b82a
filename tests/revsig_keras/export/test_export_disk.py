"""What an export does where it cannot write: it tells, and leaves nothing."""
import errno
import os
import pathlib
import re
import shutil

import keras
import pytest
import tensorflow as tf

from tests import programs
from tests.revsig_keras import classifiers
from tests.revsig_keras.programs import refused
from tests.revsig_keras.programs import REVERSE_SIGMOID


@pytest.mark.parametrize("base", ["file", "file/base"])
def test_a_base_that_is_no_folder(base, source_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("a file")
    line = refused(capsys, f"--model={source_folder('v1_frozen')}", f"--output={tmp_path / base}",
                   REVERSE_SIGMOID)
    assert re.search(f"output must be in a folder.*Received: {tmp_path / base}: Not a dir", line)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0,
                    reason="whoever is root may write anywhere")
def test_a_base_that_may_not_be_written_to(source_folder, tmp_path, capsys):
    (tmp_path / "base").mkdir(mode=0o555)
    line = refused(capsys, f"--model={source_folder('v1_frozen')}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert "Permission denied" in line and not os.listdir(tmp_path / "base")


def full(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def exhausted(*arguments, **options):
    raise tf.errors.ResourceExhaustedError(None, None, "/base/variables; No space left on device")


# What writes when the disk is full, for a SavedModel and for a model of Keras.
FULL = {
    "variables and assets": (shutil, "copyfile", full, "v1_ref"),
    "the graph": (pathlib.Path, "write_bytes", full, "v1_ref"),
    "folders": (pathlib.Path, "mkdir", full, "v1_ref"),
    "the disk itself": (os, "fsync", full, "v1_ref"),
    "a model of Keras": (keras.Model, "export", exhausted, "keras"),
    "a model of Keras, in Python": (keras.Model, "export", full, "keras"),
}


@pytest.mark.parametrize("case", FULL)
def test_a_full_disk_is_told_and_leaves_nothing(case, source_folder, tmp_path, capsys, monkeypatch):
    """Nor does it harm the version that is there."""
    where, name, failure, model = FULL[case]
    path = source_folder("v1_ref")
    if model == "keras":
        path = tmp_path / "model.keras"
        classifiers.sequential(classifiers.dense("softmax")).save(path)
    (tmp_path / "base" / "1").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(where, name, failure)
        line = refused(capsys, f"--model={path}", f"--output={tmp_path / 'base'}", REVERSE_SIGMOID)
    assert "No space left on device" in line
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", ["SavedModel", "keras"])
def test_files_that_cannot_be_written_are_told_and_leave_nothing(kind, tmp_path, tmp_path_factory):
    """The system refuses to, as on a disk that fills up: in the midst of a file."""
    inputs = keras.Input((6,))
    model = keras.Model(inputs, classifiers.dense("softmax")(keras.layers.Dense(50000)(inputs)))
    path = tmp_path / ("model.keras" if kind == "keras" else "model")
    model.save(path) if kind == "keras" else model.export(path, verbose=False)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500000, 500000))"
    code = (f"{limit}; from revsig_keras.cli import program; "
            "from revsig_keras.export import __main__ as export; "
            "export.define_flags(); program.run(export.main)")
    script = tmp_path_factory.mktemp("script") / "limited.py"
    script.write_text(code)
    options = (f"--model={path}", f"--output={tmp_path / 'base'}", REVERSE_SIGMOID)
    result = programs.run(script, *options)
    assert result.returncode == 1 and not result.stdout
    assert re.match("error: .*File too large", result.stderr.splitlines()[-1]), result.stderr
    assert "Traceback" not in result.stderr and os.listdir(tmp_path) == [path.name]
