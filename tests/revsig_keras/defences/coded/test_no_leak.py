"""An answer is one of few constants, to the bit: by any path, in any dtype, for any batch."""
import keras
from keras import ops
import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.rows import softmax_rows
from revsig_keras.testing.subject import Subject
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64

DTYPES = ("float32", "mixed_float16", "mixed_bfloat16")
# The mode that is hardest on each dtype; `test_conformance` has more of them.
MODE_OF = backends.backends.mode_of_policy()
LAYERS = {
    "buckets": lambda **k: ConfidenceBuckets(**k),
    "ordered": lambda **k: ConfidenceBuckets(2, ordered_classes=2, **k),
    "decoy": lambda **k: Decoy(**k),
}
each_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def rows_of(count, classes=10, seed=0):
    """From flat to saturated, a tenth of them nearly tied."""
    scales = np.geomspace(0.3, 30, 9)
    rows = [softmax_rows(count // 10, classes, scale, seed + i) for i, scale in enumerate(scales)]
    return np.concatenate([*rows, hostile_rows(count // 10, classes, seed)])


def check_code(layer, answers, inputs):
    """As many different answers as the theorem allows, all of them constants, of the label."""
    distinct, strays = layer.count(answers)
    assert strays == 0 and distinct <= layer.most_answers(inputs.shape[-1])
    assert (layer.decode(answers).labels == inputs.argmax(-1)).all()
    return distinct


@pytest.mark.parametrize("policy", DTYPES)
@each_layer
def test_twenty_thousand_rows_have_few_answers(make, policy):
    layer, inputs = make(dtype=policy), rows_of(20_000)
    answers = as_float64(backends.MODES[MODE_OF[policy]](layer)(ops.convert_to_tensor(inputs)))
    assert check_code(layer, answers, inputs) > 8
    # A path may disagree where the doubt is within some steps of an edge: at none of these rows.
    others = as_float64(layer(inputs[:7000]))
    differ = (others != answers[:7000]).any(axis=1)
    doubts = np.sort(inputs[:7000][differ].astype("float64"), axis=1)[:, :-1].sum(axis=1)
    edges = np.array(layer.code.edges)
    near = np.abs(doubts[:, None] / edges - 1).min(axis=1, initial=1.0)
    assert differ.sum() <= 2 and (near < 8 * 2.0**-23).all()


@pytest.mark.slow
@pytest.mark.parametrize("policy", DTYPES)
@each_layer
def test_a_million_rows_have_few_answers(make, policy):
    """In all modes, ten batches each."""
    layer, inputs = make(dtype=policy), rows_of(1_000_000)
    for mode in backends.MODES.values():
        function = mode(layer)
        answers = np.concatenate([
            as_float64(function(ops.convert_to_tensor(part)))
            for part in np.array_split(inputs, 10)
        ])
        check_code(layer, answers, inputs)


@each_layer
def test_no_batch_and_no_reload_changes_an_answer(make, tmp_path):
    inputs = rows_of(300)
    model = DefendedModel(keras.Sequential([keras.Input((10,)), keras.layers.Softmax()]), make())
    logits = np.log(np.maximum(inputs, 1e-30))
    whole = as_float64(model(logits))
    single = np.concatenate([as_float64(model(row[None])) for row in logits[:10]])
    np.testing.assert_array_equal(single, whole[:10])
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_float64(reloaded(logits)), whole)
    assert model.defence.count(whole)[1] == 0


@backends.only_on("tensorflow", reason="a SavedModel is one of TensorFlow")
@each_layer
def test_an_export_answers_with_the_same_constants(make, tmp_path):
    import tensorflow as tf
    inputs = rows_of(2000)
    model = DefendedModel(keras.Sequential([keras.Input((10,)), keras.layers.Softmax()]), make())
    logits = np.log(np.maximum(inputs, 1e-30))
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    answers = as_float64(loaded.serve(logits))
    np.testing.assert_array_equal(answers, as_float64(model(logits)))
    assert model.defence.count(answers)[1] == 0


@pytest.mark.parametrize("classes", (2, 3, 100, 1000))
@pytest.mark.parametrize("policy", DTYPES)
def test_any_number_of_classes(classes, policy):
    inputs = hostile_rows(200, classes, 1)
    layers = [ConfidenceBuckets(dtype=policy)]
    if classes > 2:
        layers += [
            Decoy(decoys=1, dtype=policy),
            Decoy(2, decoys=min(20, classes - 2), dtype=policy)
        ]
    if classes > 5:
        layers.append(ConfidenceBuckets(ordered_classes=5, dtype=policy))
    for layer in layers:
        answers = as_float64(layer(inputs))
        check_code(layer, answers, inputs)
        step = {"mixed_float16": 2.0**-10, "mixed_bfloat16": 2.0**-7}.get(policy, 2.0**-23)
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=2 * step)
        assert (answers > 0).all()


HEADS = {
    "logits": ConfidenceBuckets(from_logits=True),
    "units": ConfidenceBuckets(multi_label=True),
    "unit logits": ConfidenceBuckets(from_logits=True, multi_label=True),
    "axis": ConfidenceBuckets(ordered_classes=2, axis=1),
    "decoy logits": Decoy(from_logits=True, axis=-2),
}


@pytest.mark.parametrize("layer", HEADS.values(), ids=HEADS)
def test_every_head_answers_with_constants(layer):
    subject = Subject(layer)
    inputs = np.concatenate([subject.hostile(400, 1), subject.ordinary(400, 3, 2)])
    answers = as_float64(layer(inputs))
    distinct, strays = layer.count(answers)
    decoded = layer.decode(answers)
    assert strays == 0 and distinct <= layer.most_answers(2 if layer.multi_label else 10)
    np.testing.assert_array_equal(decoded.labels.ravel(), subject.labels(inputs))
    axis = None if layer.multi_label else layer.axis
    assert decoded.labels.shape == (inputs.shape if axis is None else inputs.max(axis).shape)


@pytest.mark.parametrize("from_logits", (False, True))
def test_a_single_sigmoid_unit_has_two_answers_a_bucket(from_logits):
    y = np.linspace(0, 1, 4001, dtype="float32")[:, None]
    inputs = np.log(np.maximum(y, 1e-30)) - np.log(np.maximum(1 - y, 1e-30)) if from_logits else y
    layer = ConfidenceBuckets(from_logits=from_logits)
    answers = as_float64(layer(inputs.astype("float32")))
    assert layer.count(answers) == (16, 0) and layer.most_answers(2) == 16
    decoded = layer.decode(answers)
    np.testing.assert_array_equal(decoded.labels, y[:, 0] > 0.5)
    assert decoded.confidences[0] == decoded.confidences[-1] == layer.code.confidences[-1]


def test_orders_are_counted():
    """The first two of five classes, in four buckets."""
    layer = ConfidenceBuckets(2, ordered_classes=2)
    distinct, strays = layer.count(layer(rows_of(5000, 5)))
    assert (distinct, strays) == (5 * 4 * 4, 0) == (layer.most_answers(5), 0)


@pytest.mark.parametrize("bits", (0, 8))
def test_the_fewest_and_the_most_bits(bits):
    inputs = rows_of(2000)
    layer = ConfidenceBuckets(bits)
    answers = as_float64(layer(inputs))
    check_code(layer, answers, inputs)
    assert len(set(layer.decode(answers).buckets.tolist())) >= (1 if bits == 0 else 200)
