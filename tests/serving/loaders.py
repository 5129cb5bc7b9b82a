"""What there is to call in a SavedModel that is loaded, for a server and for Python."""
import contextlib

import tensorflow as tf

from tests.serving.loaded import Servable


def answers(path, inputs, tags=("serve",)):
    """All outputs of each signature that is given inputs."""
    with contextlib.closing(Servable(path, tags)) as servable:
        return {name: servable.run(name, values) for name, values in inputs.items()}


def operations(path, inputs, tags=("serve",)):
    """What runs for each signature that is given inputs."""
    with contextlib.closing(Servable(path, tags)) as servable:
        return {name: servable.operations(name, values) for name, values in inputs.items()}


def functions(loaded, prefix=""):
    """The dotted names of the functions that hang on a loaded object."""
    for name, value in vars(loaded).items():
        if hasattr(value, "concrete_functions"):
            yield prefix + name
        elif isinstance(value, tf.__internal__.tracking.AutoTrackable):
            yield from functions(value, f"{prefix}{name}.")
