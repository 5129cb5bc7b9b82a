"""Exports a `DefendedModel` with the mark by which its defence is known."""
import pathlib
import shutil
from typing import Callable, Collection
import uuid

from revsig_keras.serving import files
from revsig_keras.serving.inspection import inspect_saved_model
from revsig_keras.serving.inspection import refuse_leaks

_REMEDY = (
    "Leave it out of what the model emits, or, if the scores cannot be computed from it, name "
    "it in `allow_outputs`")


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
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.parent / f".unfinished-{uuid.uuid4().hex}"
    try:
        write(unfinished)
        refuse_leaks(inspect_saved_model(unfinished), allowed, _REMEDY)
        if path.exists():
            shutil.rmtree(path)
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
