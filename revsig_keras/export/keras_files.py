"""Models in .keras files."""
import zipfile

import keras

from revsig_keras.errors import first_line


def load_keras_file(path: str, flag: str) -> keras.Model:
    """Loads a model for a program that got its `path` by a `flag`, such as "--model".

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{flag} must be a readable .keras file. Received: "
                         f"{path}: {first_line(error)}") from error
