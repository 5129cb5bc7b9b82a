"""Models in .keras files."""
import os

import keras

from revsig_keras.errors import first_line


def load_keras_file(path: str | os.PathLike[str], argument: str) -> keras.Model:
    """Loads a model, not compiled.

    Args:
        path: A .keras file.
        argument: What error messages call the file, such as "`model`".

    Raises:
        ValueError: If the file cannot be read.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged file may raise anything, in its archive, its configuration or its weights.
        raise ValueError(f"{argument} must be a readable .keras file. Received: "
                         f"{path}: {first_line(error)}") from error
