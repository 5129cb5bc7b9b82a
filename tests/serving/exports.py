"""How each SavedModel of the zoo is exported, and what the defended model has to answer."""
import re

import numpy as np
import tensorflow as tf

from revsig_keras.export import ExportConfig
from tests.revsig_keras import reference
from tests.serving.saved_models import SOURCES

BETA, GAMMA = 1.0, 0.2
DEFENCE = f"reverse_sigmoid:beta={BETA}:gamma={GAMMA}"
# Those that have probabilities to be defended.
SCORED = [name for name, source in SOURCES.items() if source.scores]
# Beside the model, the folder and the defence.
OPTIONS = {
    "keras_two_outputs": dict(output_name="scores", allow_outputs=("embedding",)),
    "v1_estimator": dict(output_name="probabilities", drop_outputs=("logits",)),
    "module_top_k": dict(output_name="probabilities", drop_outputs=("top_values", "top_indices")),
    "module_side_doors": dict(output_name="scores", drop_outputs=("debug/0", "logits/logits")),
    "module_multi_label": dict(defence=f"{DEFENCE}:multi_label=true"),
}
_EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


def config(name, model, output, **options):
    """How the model of that name is exported."""
    return ExportConfig(str(model), str(output), **{
        "defence": DEFENCE,
        **OPTIONS.get(name, {}),
        **options
    })


def epsilon(source):
    return _EPSILON[source.dtype]


def tolerance(source):
    return max(1e-5, 4 * epsilon(source))


def defended(source, clean):
    """What the layer makes of clean scores, in extended precision."""
    if source.head == "softmax":
        return reference.reverse_sigmoid(clean, BETA, GAMMA, epsilon(source))
    units = reference.reverse_sigmoid_of_units(clean, BETA, GAMMA, epsilon(source))
    return units.reshape(clean.shape)


def labels(source, scores):
    """By rows: the lowest index of the largest, or the decision of each unit."""
    scores = np.asarray(scores, "float64")
    return scores.argmax(axis=1) if source.head == "softmax" else scores > 0.5


def dropped(name, signature, output):
    names = OPTIONS.get(name, {}).get("drop_outputs", ())
    return output in names or f"{signature}/{output}" in names


def contents(path):
    """The bytes of all files in a folder by their relative paths."""
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file()
    }


def tensors(inputs, signature):
    """Arrays as a loaded signature takes them, in its dtypes.

    TensorFlow replaces what no name of Python has, unless it takes the model for one of version 1.
    """
    _, specs = signature.structured_input_signature
    names = {name: name if name in specs else re.sub(r"\W", "_", name) for name in inputs}
    return {
        names[name]: tf.constant(value, specs[names[name]].dtype) for name, value in inputs.items()
    }
