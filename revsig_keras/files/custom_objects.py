"""Classes and functions of the user's own that models refer to."""
import os
import pathlib
import sys

import keras

from revsig_keras.errors import first_line
from revsig_keras.files.python_file import module_of_file


def register_custom_objects(path: str | os.PathLike[str]) -> list[str]:
    """Runs a Python file, and makes the classes and functions that it defines known to Keras.

    Those that are registered in the file, by `keras.saving.register_keras_serializable`, keep the
    names under which they are. The others are known by the names that they have in it.

    Args:
        path: The file. It runs as a module that has its name, so that models find their classes
            where they were when the models were saved, and may import its neighbours.

    Returns:
        The names.

    Raises:
        ValueError: If it is no Python file, or fails.
    """
    path = pathlib.Path(path).expanduser()
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"`custom_objects` must be a Python file, NAME.py. Received: {path}")
    module, run = module_of_file(path.stem, path)
    known = path.stem in sys.modules
    if not known:
        sys.modules[path.stem] = module
    sys.path.append(str(path.resolve().parent))
    try:
        run()
    except (Exception, SystemExit) as error:  # pylint: disable=broad-except
        if not known:
            del sys.modules[path.stem]
        raise ValueError("`custom_objects` must be a Python file that runs. Received: "
                         f"{path}: {first_line(error)}") from error
    found = {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == path.stem
    }
    keras.saving.get_custom_objects().update(found)
    return sorted(found)
