"""Starts the command-line programs fast and quietly.

`revsig_keras` imports this module before Keras, because TensorFlow logs while it is imported. The
module acts only if the process is `python -m` of one of the packages below: any other process that
imports them keeps its garbage collector, its environment and its file descriptors as they are.
"""
from collections.abc import Iterator
import contextlib
import gc
import os
import pathlib
import sys
import tempfile

from revsig_keras.extras import MissingPackageError
from revsig_keras.extras import require

# The packages of this repository that have programs.
PACKAGES = ("revsig_keras", "models", "attacks", "benchmarks")
_COMMAND = "revsig-keras"


def is_program() -> bool:
    """Whether the process is `revsig-keras`, or `python -m` of a module in one of our packages.

    The latter is true only while Python locates that module, which imports its package: until then
    `sys.argv` starts with `-m`, and the name of the module stands before the arguments in
    `sys.orig_argv`.
    """
    if pathlib.Path(sys.argv[0]).stem == _COMMAND:
        return True
    if sys.argv[:1] != ["-m"]:
        return False
    name = sys.orig_argv[-len(sys.argv)].removeprefix("-m").partition(".")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if name not in PACKAGES or file is None:
        return False
    # Another project may have a package of that name, such as `models`.
    return pathlib.Path(file).resolve().parents[1] == pathlib.Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Disables the garbage collector, and exempts the objects made meanwhile from it for good.

    TensorFlow and Keras make 600,000 objects on import, 4,000 of them garbage. Scanning them again
    and again takes two fifths of the time that a program needs to start.
    """
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if is_enabled:
            gc.enable()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppresses TensorFlow's start-up messages.

    `TF_CPP_MIN_LOG_LEVEL` silences the log of a running TensorFlow, but not what its libraries
    write to file descriptor 2 while they are loaded and look for a GPU. That is held back, and
    shown only if the import fails. If `TF_CPP_MIN_LOG_LEVEL` is set already, nothing is suppressed.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held_back:
        stderr = os.dup(2)
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_keras() -> None:
    """Imports Keras and its backend fast and quietly."""
    with _uncollected(), _quiet():
        import keras  # noqa: F401
        if "tensorflow" in sys.modules:  # It logs while it looks for devices, too.
            sys.modules["tensorflow"].config.list_physical_devices()


def require_suite() -> None:
    """Raises `MissingPackageError` unless all that the experiments need is installed.

    A program ends with that message.
    """
    try:
        require("suite", "Running experiments (`models` and `attacks`)")
    except MissingPackageError as error:
        if is_program():
            sys.exit(f"error: {error}")
        raise


if is_program():
    _import_keras()
