"""The code by every path on which a layer answers, to the bit; buckets differ next to edges only.

With `-s`, it prints how many rows are in another bucket than in float64, and how near an edge.
"""
import keras
from keras import ops
import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64
from tests.tables import some_quick


def served(layer, inputs, folder):
    """A SavedModel of a `DefendedModel`, loaded as TensorFlow Serving loads it."""
    from tests.serving import loaders
    has_units = layer.multi_label or inputs.shape[1] == 1
    head = keras.layers.ReLU(max_value=1.0) if has_units else Given()
    if layer.from_logits:
        head = keras.layers.Rescaling(1.0)
    classifier = keras.Sequential([keras.Input(inputs.shape[1:]), head])
    DefendedModel(classifier, layer).export(folder / "model", verbose=False)
    name = classifier.inputs[0].name
    answers = loaders.answers(folder / "model", {"serving_default": {name: inputs}})
    return next(iter(answers["serving_default"].values()))


@keras.saving.register_keras_serializable("tests")
class Given(keras.layers.Layer):
    """Probabilities as they are, which are given to random inputs too."""

    def call(self, inputs):
        is_row = ops.abs(ops.sum(inputs, axis=-1, keepdims=True) - 1.0) < 1e-3
        return ops.where(is_row, inputs, ops.softmax(inputs, axis=-1))


def reloaded(layer, inputs, folder):
    keras.Sequential([keras.Input(inputs.shape[1:]), layer]).save(folder / "model.keras")
    return keras.saving.load_model(folder / "model.keras")(inputs)


def litert(layer, inputs, folder):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    path = str(folder / "model.tflite")
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    model.export(path, format="litert", verbose=False)
    runner = interpreter.Interpreter(path)
    source, target = runner.get_input_details()[0], runner.get_output_details()[0]
    runner.resize_tensor_input(source["index"], inputs.shape)
    runner.allocate_tensors()
    runner.set_tensor(source["index"], inputs)
    runner.invoke()
    return runner.get_tensor(target["index"])


def onnx(layer, inputs, folder):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = str(folder / "model.onnx")
    model = keras.Sequential([keras.Input(inputs.shape[1:]), layer])
    model(inputs[:1])
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: inputs})[0]


def compiled(mode):
    return lambda layer, inputs, folder: backends.MODES[mode](layer)(ops.convert_to_tensor(inputs))


PATHS = {name: compiled(name) for name in backends.MODES} | {"reloaded": reloaded}
if backends.NAME == "tensorflow":
    PATHS |= {"served": served, "litert": litert, "onnx": onnx}
# Whose programs take seconds.
CONVERSIONS = ("litert", "onnx")


def rows_at_edges(layer, count, classes):
    """Rows whose doubt is within 40 steps of an edge, by rounding alone on either side of it."""
    rng = np.random.default_rng(0)
    edges = rng.choice(layer.code.edges, size=(count, 1))
    doubts = edges * (1 + rng.integers(-40, 41, size=(count, 1)) * 2.0**-23)
    others = rng.dirichlet(np.ones(classes - 1), size=count) * doubts
    y = np.concatenate([1 - doubts, others], axis=1)
    return rng.permuted(y, axis=1).astype("float32")


def tied_rows(count, classes, seed):
    """Rows where most largest entries are shared by several classes, to the bit."""
    return np.random.default_rng(seed).multinomial(8, np.ones(classes) / classes, size=count) / 8


def inputs_of(layer, count, classes, seed=0):
    """From flat to saturated, nearly tied, tied, and at edges, as the layer receives them."""
    rows = [softmax_rows(count // 5, classes, scale, seed) for scale in (0.3, 2, 8, 30)]
    y = np.concatenate([*rows, hostile_rows(count // 5, classes, seed)])
    if layer.multi_label or classes == 1:
        y = np.random.default_rng(seed).beta(0.2, 0.2, size=(count, classes)).astype("float32")
    elif classes > 1:
        tied = tied_rows(count // 10, classes, seed).astype("float32")
        y = np.concatenate([y, rows_at_edges(layer, count // 10, classes), tied])
    if not layer.from_logits:
        return y
    others = np.maximum(1 -
                        y, 1e-37) if layer.multi_label or classes == 1 else np.ones(1, "float32")
    return np.log(np.maximum(y, 1e-37)) - np.log(others)


def doubts_of(layer, inputs):
    """1 - y_top of each row or unit, in float64."""
    z = inputs.astype("float64")
    if layer.multi_label or z.shape[1] == 1:
        return 1 / (1 + np.exp(np.abs(z))) if layer.from_logits else np.minimum(z, 1 - z)
    y = np.sort(np.exp(z - z.max(axis=1, keepdims=True)) if layer.from_logits else z, axis=1)
    return y[:, :-1].sum(axis=1) / y.sum(axis=1)


def check(path, layer, inputs, folder):
    """Constants to the bit, as few as the theorem says, with the label; off edges, the bucket."""
    answers = as_float64(PATHS[path](layer, inputs, folder))
    distinct, strays = layer.count(answers)
    most = layer.most_answers(layer.classes_of(inputs.shape))
    assert strays == 0 and min(most // 4, len(inputs) // 10) < distinct <= most
    decoded = layer.decode(answers)
    doubts, edges = doubts_of(layer, inputs).ravel(), np.array(layer.code.edges)
    labels = inputs.argmax(axis=1)
    if layer.multi_label or inputs.shape[1] == 1:
        labels = (inputs > (0 if layer.from_logits else 0.5)).ravel()
    np.testing.assert_array_equal(decoded.labels.ravel(), labels)
    differ = decoded.buckets.ravel() != (doubts[:, None] <= edges).sum(axis=1)
    steps = np.abs(doubts[differ, None] / edges - 1).min(axis=1, initial=1.0) / 2.0**-23
    print(f"{path}: {differ.sum()} of {len(doubts)} in another bucket, at most "
          f"{steps.max(initial=0):.1f} steps from an edge")
    assert (steps <= STEPS).all()


# That far from an edge, in float32, all paths agree: see `CodedDefence`.
STEPS = 8
LAYERS = {
    "logits": (10, lambda **k: ConfidenceBuckets(from_logits=True, **k)),
    "ordered": (5, lambda **k: ConfidenceBuckets(2, ordered_classes=3, **k)),
    "decoy": (10, lambda **k: Decoy(**k)),
    "units": (3, lambda **k: ConfidenceBuckets(multi_label=True, **k)),
}
each_path = pytest.mark.parametrize("path", PATHS)


@pytest.mark.parametrize("path, name", [
    pytest.param(
        path, name, marks=pytest.mark.slow if path in CONVERSIONS and name != "decoy" else ())
    for path in PATHS
    for name in LAYERS
])
def test_every_path_answers_with_the_constants(path, name, tmp_path):
    classes, make = LAYERS[name]
    layer = make()
    check(path, layer, inputs_of(layer, 20_000, classes), tmp_path)


@backends.only_on("tensorflow", reason="a SavedModel is one of TensorFlow")
@pytest.mark.parametrize("policy", some_quick(("mixed_float16", "mixed_bfloat16"),
                                              ["mixed_float16"]))
def test_a_narrow_export_answers_with_the_constants(policy, tmp_path):
    layer = Decoy(dtype=policy)
    check("served", layer, inputs_of(layer, 20_000, 10), tmp_path)


@pytest.mark.slow
@each_path
@pytest.mark.parametrize("classes", (1, 2, 3, 100, 1000))
@pytest.mark.parametrize("from_logits", (False, True))
def test_every_path_with_any_number_of_classes(path, classes, from_logits, tmp_path):
    layer = ConfidenceBuckets(from_logits=from_logits)
    check(path, layer, inputs_of(layer, 20_000 if classes < 1000 else 4000, classes), tmp_path)
    if classes > 2:
        layer = Decoy(decoys=1, from_logits=from_logits)
        (tmp_path / "decoy").mkdir()
        check(path, layer, inputs_of(layer, 2000, classes), tmp_path / "decoy")


@pytest.mark.slow
@each_path
@pytest.mark.parametrize("name", LAYERS)
def test_a_million_rows_by_every_path(path, name, tmp_path):
    classes, make = LAYERS[name]
    layer = make()
    check(path, layer, inputs_of(layer, 1_000_000, classes), tmp_path)


@pytest.mark.parametrize("mode", backends.MODES)
def test_the_size_of_a_batch_changes_nothing(mode):
    layer = ConfidenceBuckets()
    function, inputs = backends.MODES[mode](layer), inputs_of(layer, 300, 10)
    whole = as_float64(function(ops.convert_to_tensor(inputs)))
    for size in (1, 2, 33):
        parts = [inputs[i:i + size] for i in range(0, 4 * size, size)]
        answers = [as_float64(function(ops.convert_to_tensor(part))) for part in parts]
        np.testing.assert_array_equal(np.concatenate(answers), whole[:4 * size])
