"""Victims that are Python functions."""
import hashlib
import importlib
import inspect
import pathlib
import threading

import numpy as np

from models.python_files import FAILURES
from models.python_files import file_digest
from models.python_files import function_of
from models.victim.own.source import Source
from revsig_keras.errors import first_line
from revsig_keras.registry import parse_member

_FUNCTION = "predict"


def open_function(text: str) -> Source:
    """Finds a function from inputs `[n, ...]`, as in the data set, to answers.

    It is called by one thread at a time.

    Args:
        text: `python:MODULE:FUNCTION`, imported, or `custom:file=FILE:function=NAME`.

    Raises:
        ValueError: If there is no such function. `answer` raises it if the function fails.
    """
    function, name = _imported(text) if text.startswith("python:") else _in_file(text)
    alone = threading.Lock()

    def answer(inputs: np.ndarray) -> np.ndarray:
        try:
            with alone:
                return np.asarray(function(inputs))
        except FAILURES as error:
            raise ValueError(f"`victim` must answer. Received: {text}, which failed on inputs of "
                             f"shape {inputs.shape}: {first_line(error)}") from error

    return Source(name, "function", answer, _digest(function, text))


def _imported(text):
    module, colon, name = text.removeprefix("python:").partition(":")
    if not (module and colon and name):
        raise ValueError(f"`victim` must be python:MODULE:FUNCTION. Received: {text!r}")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except FAILURES as error:
        raise ValueError(f"`victim` must be a function of a module that can be imported. Received: "
                         f"{text}: {first_line(error)}") from error
    if not callable(function):
        raise ValueError(f"`victim` must name a function. Received: {text!r}")
    return function, name


def _in_file(text):
    options = parse_member(text).options
    file = options.get("file", "")
    if not options.keys() <= {"file", "function"} or not pathlib.Path(file).expanduser().is_file():
        raise ValueError("`victim` must be custom:file=FILE:function=NAME with an existing Python "
                         f"file. Received: {text!r}")
    name = options.get("function", _FUNCTION)
    return function_of(file, name), name


def _digest(function, text):
    """The SHA-256 of the file that defines the function, where there is one."""
    try:
        return file_digest(inspect.getsourcefile(function) or "")
    except (TypeError, OSError):
        return hashlib.sha256(text.encode()).hexdigest()
