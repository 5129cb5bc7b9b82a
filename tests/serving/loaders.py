"""A SavedModel, loaded as servers and as Python do."""
import contextlib

import tensorflow as tf


def answers(path, inputs, tags=("serve",)):
    """All outputs of each signature."""
    with loaded_v1(path, tags) as (session, graph):
        return {
            name: answer(session, graph.signature_def[name], values)
            for name, values in inputs.items()
        }


@contextlib.contextmanager
def loaded_v1(path, tags=("serve",)):
    """A session of the V1 loader, as in TensorFlow Serving."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        yield session, tf.compat.v1.saved_model.loader.load(session, list(tags), str(path))


def answer(session, signature, inputs):
    assert set(inputs) == set(signature.inputs)
    feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
    return session.run({name: info.name for name, info in signature.outputs.items()}, feeds)


def functions(loaded, prefix=""):
    """The dotted names of the functions that hang on a loaded object."""
    for name, value in vars(loaded).items():
        if hasattr(value, "concrete_functions"):
            yield prefix + name
        elif isinstance(value, tf.__internal__.tracking.AutoTrackable):
            yield from functions(value, f"{prefix}{name}.")
