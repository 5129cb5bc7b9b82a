"""A user's file runs as it is, whatever Python compiled of it before."""
import os
import sys

import keras
import pytest

from revsig_keras.files.custom_objects import register_custom_objects
from revsig_keras.files.python_file import module_of_file


@pytest.mark.parametrize("widths", [(2, 5), (2, 2), (5, 30)])
def test_a_changed_file_is_run_anew(widths, tmp_path, monkeypatch):
    """Also one that was changed within a second, by as many characters as before."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "nets.py"
    for width in widths:
        path.write_text(f"WIDTH = {width}\n")
        os.utime(path, (1e9, 1e9))
        module, run = module_of_file("nets_of_this_test", path)
        run()
        assert (module.WIDTH, module.__file__) == (width, str(path))
        assert "nets_of_this_test" not in sys.modules


def test_changed_custom_objects_are_those_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path, known = tmp_path / "objects_of_this_test.py", keras.saving.get_custom_objects()
    for width in (2, 5):
        path.write_text(f"def width_of_this_test():\n    return {width}\n")
        os.utime(path, (1e9, 1e9))
        assert register_custom_objects(path) == ["width_of_this_test"]
        assert known.pop("width_of_this_test")() == width
        del sys.modules[path.stem]
