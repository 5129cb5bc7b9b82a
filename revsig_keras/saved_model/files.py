"""SavedModel folders on disk."""
import contextlib
import pathlib
import shutil
from typing import Iterator
import uuid

from google.protobuf import message
from google.protobuf import text_format
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

SavedModel = saved_model_pb2.SavedModel
_BINARY = "saved_model.pb"
_TEXT = "saved_model.pbtxt"
# Not read by anything else than a log, and of the model as it was.
_FINGERPRINT = "fingerprint.pb"


def is_saved_model(path: str | pathlib.Path) -> bool:
    """Whether a folder has what TensorFlow takes for a SavedModel."""
    return any((pathlib.Path(path) / name).is_file() for name in (_BINARY, _TEXT))


def read(path: str | pathlib.Path) -> SavedModel:
    """Reads the SavedModel in the folder `path`, without its variables.

    Raises:
        ValueError: If there is none, or none that can be read.
    """
    path = pathlib.Path(path)
    saved_model = SavedModel()
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


def described(path: str | pathlib.Path) -> str:
    """A path, and what is there."""
    path = pathlib.Path(path)
    if not path.exists():
        return f"{path}, which is not there"
    if not path.is_dir():
        return f"{path}, which is a file"
    names = sorted(entry.name for entry in path.iterdir())[:10]
    return f"{path}, a folder with {', '.join(names) or 'nothing in it'}"


def write_copy(source: pathlib.Path, target: pathlib.Path, saved_model: SavedModel) -> None:
    """Writes `saved_model` into the new folder `target`, with all other files of `source`."""
    _copy(source, target, without=(_BINARY, _TEXT, _FINGERPRINT))
    write(target, saved_model)


def _copy(source, target, without=()):
    """Copies a folder, with the permissions of what is new: the source may be read-only."""
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


@contextlib.contextmanager
def unfinished(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder in `parent` to write into; what is not moved out of it is gone afterwards.

    So are `parent` and those above it that had to be made, if nothing came of it.

    Raises:
        OSError: If it cannot be made.
    """
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    # TensorFlow Serving passes over names that are no number.
    path = parent / f".unfinished-{uuid.uuid4().hex}"
    try:
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise OSError("the output must be in a folder that can be written to. Received: "
                          f"{parent}: {error.strerror}") from error
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):  # There is something in it.
            for folder in made:
                folder.rmdir()


@contextlib.contextmanager
def clear_errors(what: str) -> Iterator[None]:
    """Turns the errors of TensorFlow into an `OSError` of one line."""
    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{what}: {_what_happened(error)}") from error


def _what_happened(error):
    """The one line of an error of TensorFlow that says it."""
    lines = (error.message or type(error).__name__).strip().splitlines()
    # An error of a graph has a heading, perhaps a traceback, what happened, and "[[{{node x}}]]".
    for line, after in zip(lines, lines[1:]):
        if after.lstrip().startswith("[[{{node"):
            return line.strip()
    return lines[0]
