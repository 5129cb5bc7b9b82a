"""Functions of a user's own Python files."""
from collections.abc import Callable
import functools
import hashlib
import pathlib
import sys
import types
from typing import Any

from revsig_keras.errors import first_line
from revsig_keras.files.python_file import module_of_file

# Exceptions of a user's code that end a program with one line; an interrupt is not among them.
FAILURES = (Exception, SystemExit)


def function_of(file: str, name: str) -> Callable[..., Any]:
    """Returns a function of a Python file; a file is run once for each of its contents.

    Args:
        file: The path; `~` is the home directory.
        name: The name of the function.

    Raises:
        ValueError: If the file does not run, or has no such function.
    """
    function = getattr(_module(file, file_digest(file)), name, None)
    if not callable(function):
        raise ValueError(f"`function` must be the name of a function of {file}. Received: {name!r}")
    return function


def file_digest(file: str) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(pathlib.Path(file).expanduser().read_bytes()).hexdigest()


@functools.lru_cache
def _module(file: str, digest: str) -> types.ModuleType:
    name = f"custom_{digest[:16]}"
    if not file.endswith(".py"):
        raise ValueError(f"`file` must be a Python file, NAME.py. Received: {file!r}")
    module, run = module_of_file(name, pathlib.Path(file).expanduser())
    sys.modules[name] = module
    try:
        run()
    except FAILURES as error:
        del sys.modules[name]
        raise ValueError(
            f"{file} must run without an error. Received: {first_line(error)}") from error
    return module
