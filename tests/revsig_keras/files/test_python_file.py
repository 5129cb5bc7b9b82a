"""A user's file runs as it is, whatever Python compiled of it before."""
import os
import sys

import keras
import pytest

from models.python_files import function_of
from revsig_keras.files.custom_objects import register_custom_objects


def registered(path):
    names = register_custom_objects(path)
    custom = keras.saving.get_custom_objects()
    return {name: custom.pop(name) for name in names}["width"]


@pytest.mark.parametrize("load", [lambda path: function_of(str(path), "width"), registered],
                         ids=["function", "custom objects"])  # yapf: disable
def test_a_changed_file_is_run_anew(load, tmp_path, monkeypatch):
    """Also one that was changed within a second, by as many characters as before."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "nets_of_this_test.py"
    for width in (2, 5):
        path.write_text(f"def width():\n    return {width}\n")
        os.utime(path, (1e9, 1e9))
        assert load(path)() == width
        sys.modules.pop(path.stem, None)
