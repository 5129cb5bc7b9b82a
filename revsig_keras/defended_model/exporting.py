"""Exports a `DefendedModel` as a SavedModel in which the defence is marked and checked.

While a model is exported, its calls in the exporting thread apply the defence as a marked function.
Calls in other threads do not notice, and nothing of the model changes.
"""
import contextvars
import pathlib
from typing import Any, Callable, Collection

import keras

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model.outputs import structure

_ALLOW = (
    "Leave it out of what the model emits, or, if the scores cannot be computed from it, name "
    "it in `allow_outputs`")
# By the model that is exported, its marked defences by the defence.
_Marks = dict[int, dict[int, Callable]]
_marks: contextvars.ContextVar[_Marks] = contextvars.ContextVar("marks", default={})


def mark_of(model: keras.Model, defence: Defence) -> Callable | None:
    """A marked defence of a model that this thread is exporting, else `None`."""
    if id(model) not in _marks.get():
        return None
    from revsig_keras.saved_model.mark import marked  # Needs TensorFlow.
    functions = _marks.get()[id(model)]
    if id(defence) not in functions:
        functions[id(defence)] = marked(defence)
    return functions[id(defence)]


def input_signature(model: keras.layers.Layer) -> list | None:
    """The inputs of a functional or built Sequential `model`; `None` where they are unknown."""
    inputs = structure(model, "input")
    if inputs is None:
        return None

    def spec(tensor: keras.KerasTensor) -> keras.InputSpec:
        return keras.InputSpec(dtype=tensor.dtype,
                               shape=(None, *tensor.shape[1:]),
                               name=tensor.name)

    return [keras.tree.map_structure(spec, inputs)]


def write(model: Any, folder: str | pathlib.Path, **options: Any) -> None:
    """Writes a SavedModel in which the defence is marked; nothing is checked.

    Args:
        model: A `DefendedModel`.
        folder: A folder that does not exist.
        **options: See `keras.Model.export`.
    """
    if options.get("input_signature") is None:
        options["input_signature"] = input_signature(model.model)
    token = _marks.set({**_marks.get(), id(model): {}})
    try:
        # Keras would announce a folder that is not inspected yet.
        keras.Model.export(model, folder, **{**options, "verbose": False})
    finally:
        _marks.reset(token)


def write_checked(model: Any, filepath: str | pathlib.Path, allowed: Collection[str],
                  **options: Any) -> bool:
    """Writes a SavedModel once it is known to leak nothing; see `write`.

    With a coded defence, `assets.extra/code_table.json` tells clients how to decode answers.

    Args:
        model: A `DefendedModel`.
        filepath: A folder that does not exist, is empty, or holds a SavedModel, which is replaced.
        allowed: Outputs that may be clean, as for `Report.leaks`.
        **options: See `keras.Model.export`.

    Returns:
        Whether it stays where it was written: `publish`, for one, moves it.

    Raises:
        ValueError: If another output is clean, or `filepath` holds something else. Nothing is
            changed then.
    """
    from revsig_keras.saved_model import files  # All of them need TensorFlow.
    from revsig_keras.saved_model import inspection
    from revsig_keras.saved_model.code_table import write_code_table

    path = pathlib.Path(filepath).resolve()  # A link stays, and what it leads to is replaced.
    if path in (pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
        raise ValueError("`filepath` must not be the folder of this process, or above it. "
                         f"Received: {filepath}")
    if path.exists() and not files.is_saved_model(path) and (not path.is_dir() or
                                                             any(path.iterdir())):
        raise ValueError("`filepath` must be a folder that is new, empty, or has a SavedModel. "
                         f"Received: {filepath}")
    with files.unfinished(path.parent) as folder:
        write(model, folder / "model", **options)
        report = inspection.inspect_saved_model(folder / "model")
        inspection.refuse_leaks(report, allowed, _ALLOW)
        write_code_table(folder / "model")
        _replace(path, folder / "model", folder / "replaced")
    return not files.is_unfinished(path)


def _replace(path: pathlib.Path, new: pathlib.Path, old: pathlib.Path) -> None:
    """Replaces the folder at `path` by `new`, and keeps it as `old`; if that fails, it stays."""
    if not path.exists():
        new.rename(path)
        return
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
