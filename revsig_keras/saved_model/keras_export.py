"""Exports a `DefendedModel` with the mark by which its defence is known."""
import pathlib
from typing import Callable, Collection

from revsig_keras.saved_model import files
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.inspection import refuse_leaks

_REMEDY = ("Leave it out of what the model emits (--drop_output=NAME), or, if the scores cannot be "
           "computed from it, name it in `allow_outputs` (--allow_output=NAME)")


def export_checked(write: Callable[[pathlib.Path], None], filepath: str | pathlib.Path,
                   allowed: Collection[str]) -> None:
    """Writes a SavedModel into the folder `filepath`, once it is known to leak nothing.

    Args:
        write: Called with the path of a folder that it makes.
        filepath: A folder that is not there, is empty, or has a SavedModel, which is replaced.
        allowed: Outputs that may be clean, as for `Report.leaks`.

    Raises:
        ValueError: If another output is clean, or something else is there. Nothing is changed.
    """
    path = pathlib.Path(filepath)
    if path.exists() and not files.is_saved_model(path) and (not path.is_dir() or
                                                             any(path.iterdir())):
        raise ValueError("`filepath` must be a folder that is new, empty, or has a SavedModel. "
                         f"Received: {filepath}")
    with files.unfinished(path.parent) as folder:
        write(folder / "model")
        refuse_leaks(inspect_saved_model(folder / "model"), allowed, _REMEDY)
        if path.exists():
            path.rename(folder / "replaced")
        (folder / "model").rename(path)
