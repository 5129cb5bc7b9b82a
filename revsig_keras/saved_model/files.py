"""SavedModel folders on disk."""
import contextlib
import os
import pathlib
import re
import shutil
from typing import Any, Collection, Iterator, TypeAlias
import uuid

from google.protobuf import message
from google.protobuf import text_format
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from revsig_keras.errors import cause_line
from revsig_keras.errors import SavedModelError

SavedModel: TypeAlias = Any  # Protocol buffers have no types of their own.
_Path = str | os.PathLike[str]
_BINARY = "saved_model.pb"
_TEXT = "saved_model.pbtxt"
# What lines of an error begin with that tell where it is, not what it is.
_TRACEBACK = ("[[", "<", "File ", "Detected at ", "Stack trace")
_MISSING_OPERATION = re.compile("Op type not registered '([^']+)'")
# Read by a log alone, and it describes the original model.
_FINGERPRINT = "fingerprint.pb"
# From it Keras 2 makes the original model again, which is clean.
_KERAS_2 = "keras_metadata.pb"
# TensorFlow Serving ignores names that are not numbers.
_UNFINISHED = ".unfinished-"


def is_saved_model(path: _Path) -> bool:
    """Whether TensorFlow takes a folder for a SavedModel."""
    return any((pathlib.Path(path) / name).is_file() for name in (_BINARY, _TEXT))


def read(path: _Path) -> SavedModel:
    """Reads the SavedModel in the folder `path`, without its variables.

    Raises:
        ValueError: If there is none, or if it is damaged.
    """
    path = pathlib.Path(path)
    saved_model = saved_model_pb2.SavedModel()
    try:
        if (path / _BINARY).is_file():
            saved_model.ParseFromString((path / _BINARY).read_bytes())
        elif (path / _TEXT).is_file():
            text_format.Parse((path / _TEXT).read_text(encoding="utf-8"), saved_model)
        else:
            raise ValueError("A SavedModel is a folder with saved_model.pb, such as the folder of "
                             f"one version. Received: {described(path)}")
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"The SavedModel in {path} is corrupt or truncated: its graph cannot be "
                         f"read ({type(error).__name__})") from error
    if not saved_model.meta_graphs:
        raise ValueError(f"The SavedModel in {path} is corrupt or truncated: there is no graph "
                         "in it")
    return saved_model


def described(path: _Path) -> str:
    """A path and what it holds, for error messages."""
    path = pathlib.Path(path)
    if not path.exists():
        return f"{path}, which is not there"
    if not path.is_dir():
        return f"{path}, which is a file"
    names = sorted(entry.name for entry in path.iterdir())[:10]
    return f"{path}, a folder with {', '.join(names) or 'nothing in it'}"


def write_copy(source: pathlib.Path, target: pathlib.Path, saved_model: SavedModel) -> None:
    """Writes `saved_model` into the new folder `target`, with all other files of `source`.

    Descriptions of the original are left out.
    """
    _copy(source, target, without=(_BINARY, _TEXT, _FINGERPRINT, _KERAS_2))
    write(target, saved_model)


def _copy(source: pathlib.Path, target: pathlib.Path, without: Collection[str] = ()) -> None:
    """Copies a folder, with the permissions of new files: the source may be read-only."""
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        elif entry.name not in without:
            shutil.copyfile(entry, target / entry.name)


def write(path: pathlib.Path, saved_model: SavedModel) -> None:
    """Writes the graphs of the SavedModel in the folder `path`."""
    (path / _BINARY).write_bytes(saved_model.SerializeToString(deterministic=True))
    (path / _FINGERPRINT).unlink(missing_ok=True)


def is_unfinished(path: pathlib.Path) -> bool:
    """Whether a path is in a folder of `unfinished`."""
    return any(part.startswith(_UNFINISHED) for part in path.parts)


@contextlib.contextmanager
def unfinished(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder in `parent` to write into, which is removed afterwards.

    Move results out of it before. If `parent` is empty then, it is removed too, as are the folders
    above it that had to be made.

    Raises:
        OSError: If it cannot be made.
    """
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    path = parent / f"{_UNFINISHED}{uuid.uuid4().hex}"
    try:
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise OSError("the output must be in a folder that can be written to. Received: "
                          f"{parent}: {error.strerror}") from error
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # The folder is not empty.
            for folder in made:
                folder.rmdir()


@contextlib.contextmanager
def clear_errors(what: str, kind: type[Exception] = tf.errors.OpError) -> Iterator[None]:
    """Turns errors into a `SavedModelError` of one line.

    Args:
        what: What fails, for the message.
        kind: The errors. Defaults to those of TensorFlow; `Exception` is for graphs that are run:
            an inconsistent one may raise anything.
    """
    try:
        yield
    except kind as error:
        missing = _MISSING_OPERATION.search(str(error))
        if missing:
            raise SavedModelError(
                f"{what}: it needs the operation {missing[1]}, which TensorFlow does not have. "
                "Import the package that has it in the Python file of `custom_objects=FILE.py`"
            ) from error
        is_of_graph = isinstance(error, tf.errors.OpError)
        cause = cause_of(error) if is_of_graph else cause_line(error)
        raise SavedModelError(f"{what}: {cause}") from error


def cause_of(error: tf.errors.OpError) -> str:
    """The line of an error of TensorFlow that names the cause."""
    lines = [line.strip() for line in (error.message or type(error).__name__).splitlines()]
    lines = [line for line in lines if line]
    # An error of a graph has a heading, perhaps a traceback, the cause, and "[[{{node x}}]]".
    for line, after in zip(lines, lines[1:]):
        if after.startswith("[[{{node"):
            return line
    if lines[0].startswith("Graph execution error"):
        causes = [line for line in lines[1:] if not line.startswith(_TRACEBACK)]
        return causes[-1] if causes else lines[0]
    return lines[0]
