"""Measures what the defence costs where models are served.

  python -m benchmarks.layer [--quick] [--json=FILE] [--peer_python=PATH]

Each row is a ratio of two times, measured in turn in one run; benchmarks/README.md says what each
row means. A row above its limit is marked, and is no error.
"""
import functools
import itertools

from absl import flags
import keras
import tensorflow as tf

from benchmarks import comparison
from revsig_keras import program
from revsig_keras import ReverseSigmoid

BATCHES = (1, 32, 256, 4096)
CLASSES = (10, 100, 1000)
MODES = {"xla": True, "graph": False}


def define_flags(values=flags.FLAGS):
    """Defines the flags of this program."""
    flags.DEFINE_bool("quick",
                      False,
                      "Fewer repeats and shapes: a first look, within about a minute.",
                      flag_values=values)
    flags.DEFINE_string("only",
                        "",
                        "Measure only the rows whose names contain this, such as layer/xla.",
                        flag_values=values)
    flags.DEFINE_string("json", None, "File for the figures as JSON.", flag_values=values)


def main(values=flags.FLAGS):
    cases = comparison.select(all_cases(values.quick), values.only)
    comparison.run(cases, values.json)


def all_cases(quick: bool) -> list[comparison.Case]:
    """All that is measured, in order."""
    return layer_cases(seconds=0.5 if quick else 2.5)


def layer_cases(seconds: float) -> list[comparison.Case]:
    """The layer against a softmax of the same shape."""
    limits = {"xla": 2.0, "graph": 4.0}
    return [
        comparison.Case(f"layer/{mode}/batch={batch}/classes={classes}",
                        limits[mode] if classes <= 100 else None,
                        functools.partial(_layer_and_softmax, mode, batch, classes), seconds)
        for mode, classes, batch in itertools.product(MODES, CLASSES, BATCHES)
    ]


def _layer_and_softmax(mode, batch, classes):
    logits = 3.0 * tf.random.stateless_normal((batch, classes), seed=(batch, classes))
    return (_served(ReverseSigmoid(), tf.nn.softmax(logits),
                    mode), _served(keras.layers.Softmax(), logits, mode))


def _served(layer, inputs, mode):
    """Repeats of compiled calls, each with the inputs in place and the result ready to be read."""
    spec = tf.TensorSpec(inputs.shape, inputs.dtype)
    function = tf.function(layer, input_signature=[spec],
                           jit_compile=MODES[mode]).get_concrete_function()
    # `memoryview` waits for the result, and on a GPU fetches it; on a CPU nothing is copied.
    return comparison.repeat(lambda: memoryview(function(inputs)))


if __name__ == "__main__":
    define_flags()
    program.run(main)
