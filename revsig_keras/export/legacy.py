"""Models of Keras 2, which lives on as the package tf_keras."""
from collections.abc import Iterator
import contextlib
import importlib.util
import os
import pathlib
import tempfile

from revsig_keras.errors import first_line
from revsig_keras.export.keras_files import is_legacy


def is_taken(path: str | os.PathLike[str]) -> bool:
    """Whether a file was written by Keras 2, and tf_keras is there to read it."""
    return is_legacy(path) and importlib.util.find_spec("tf_keras") is not None


@contextlib.contextmanager
def as_saved_model(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """The model of a file as a SavedModel, which is gone after the context."""
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(path, pathlib.Path(folder, "model"))
        yield pathlib.Path(folder, "model")


def write_saved_model(path: str | os.PathLike[str], folder: pathlib.Path) -> None:
    """Writes the model of a file as a SavedModel.

    Raises:
        ValueError: If tf_keras cannot read the file.
    """
    import tf_keras
    try:
        model = tf_keras.models.load_model(path, compile=False)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged file may raise anything.
        raise ValueError("`model` was saved by Keras 2, and tf_keras cannot read it. Received: "
                         f"{path}: {first_line(error)}") from error
    model.save(folder, save_format="tf")
