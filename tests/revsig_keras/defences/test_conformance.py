"""One table of defences, and the checks that each of its rows must pass in every mode."""
from collections.abc import Callable
import dataclasses
import importlib
import inspect
import pkgutil

import keras
from keras import ops
import numpy as np
import pytest

import revsig_keras
from revsig_keras import Defence
from revsig_keras import LabelOnly
from revsig_keras import RandomNoise
from revsig_keras import ReverseSigmoid
from revsig_keras import Rounding
from revsig_keras import TopK
from revsig_keras.defences.catalogue import DEFENCES
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.backends import constant
from tests.revsig_keras.backends import each_mode
from tests.revsig_keras.backends import MODES
from tests.revsig_keras.rows import extreme_rows
from tests.revsig_keras.rows import hostile_rows
from tests.revsig_keras.rows import softmax_rows
from tests.revsig_keras.rows import TINY


def softmax(z):
    y = np.exp(z - z.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@dataclasses.dataclass(frozen=True)
class Head:
    """How rows of probabilities reach a defence, and how to read what it received and returned.

    Attributes:
        receive: makes the inputs of the defence from rows of probabilities.
        clean: makes the probabilities that these inputs stand for.
        units: whether each entry is a decision of its own, of two classes.
    """
    receive: Callable = lambda y: y
    clean: Callable = lambda y: y
    units: bool = False

    def rows(self, probabilities):
        """Rows of classes, of which one is the label."""
        if not self.units:
            return probabilities
        return np.stack([1 - probabilities, probabilities], -1).reshape(-1, 2)

    def label(self, inputs):
        if self.units:  # Above 1/2 or above 0, exactly as received.
            return (inputs > (0.5 if self.clean is Head.clean else 0)).reshape(-1)
        return inputs.argmax(axis=1)


SOFTMAX = Head()
LOGITS = Head(lambda y: np.log(np.maximum(y, TINY)), softmax)
UNITS = Head(units=True)
UNIT_LOGITS = Head(lambda y: np.log(np.maximum(y, TINY)) - np.log(np.maximum(1 - y, TINY)),
                   sigmoid,
                   units=True)


@dataclasses.dataclass(frozen=True)
class Row:
    """A defence, how to make it, and what it claims."""
    kind: type
    options: dict
    keeps_label: bool = True
    head: Head = SOFTMAX

    def make(self, **kwargs):
        return self.kind(**self.options, **kwargs)


ROWS = {
    "reverse_sigmoid":
        Row(ReverseSigmoid, {}),
    "reverse_sigmoid_strong":
        Row(ReverseSigmoid, {
            "beta": 1.9,
            "gamma": 0.1
        }),
    "reverse_sigmoid_literal":
        Row(ReverseSigmoid, {"preserve_top1": False}, keeps_label=False),
    "reverse_sigmoid_logits":
        Row(ReverseSigmoid, {"from_logits": True}, head=LOGITS),
    "reverse_sigmoid_units":
        Row(ReverseSigmoid, {"multi_label": True}, head=UNITS),
    "reverse_sigmoid_unit_logits":
        Row(ReverseSigmoid, {
            "from_logits": True,
            "multi_label": True
        }, head=UNIT_LOGITS),
    "rounding":
        Row(Rounding, {}),
    "rounding_fine":
        Row(Rounding, {"decimals": 4}),
    "top_1":
        Row(TopK, {}),
    "top_3":
        Row(TopK, {"k": 3}),
    "label_only":
        Row(LabelOnly, {}),
    "random_noise":
        Row(RandomNoise, {}),
    "random_noise_alone":
        Row(RandomNoise, {"scale": 1.0}),
}
# Of each class, a value other than the default for every argument of its constructor.
NON_DEFAULT = {
    ReverseSigmoid: {
        "beta": 0.7,
        "gamma": 0.4,
        "preserve_top1": False,
        "from_logits": True,
        "multi_label": True,
        "axis": 1,
        "apply_in_training": True
    },
    Rounding: {
        "decimals": 3,
        "apply_in_training": True
    },
    TopK: {
        "k": 4,
        "apply_in_training": True
    },
    LabelOnly: {
        "apply_in_training": True
    },
    RandomNoise: {
        "scale": 0.7,
        "seed": 12,
        "apply_in_training": True
    },
}
OUTPUT_STEP = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}

each_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
each_policy = pytest.mark.parametrize("policy",
                                      ["float32", "mixed_float16", "mixed_bfloat16", "float64"])


def test_every_public_defence_has_a_row():
    """A defence that somebody adds in any package of the library is checked, or this test fails."""
    found = set()
    for module in pkgutil.walk_packages(revsig_keras.__path__, "revsig_keras."):
        members = vars(importlib.import_module(module.name))
        found |= {
            value for value in members.values() if inspect.isclass(value) and
            issubclass(value, Defence) and not value.__name__.startswith("_")
        }
    assert found - {Defence} == {row.kind for row in ROWS.values()} == set(NON_DEFAULT)
    named = {type(DEFENCES.make(name)) for name in DEFENCES.names if name != "none"}
    assert named == set(NON_DEFAULT)


@each_row
@each_policy
def test_rows_stay_distributions_and_keep_their_label_as_claimed(row, policy):
    """In every mode and dtype; modes differ in rounding only."""
    hostile, ordinary = hostile_rows(400, 10, 1), softmax_rows(400, 10, 3, 2)
    inputs = row.head.receive(np.concatenate([hostile, ordinary]))
    layer = row.make(dtype=policy)
    step = OUTPUT_STEP[layer.compute_dtype]
    outputs = {}
    for name, mode in MODES.items():
        with backends.enabled(policy):
            output = mode(layer)(constant(inputs))
            assert backends.dtype_of(output) == layer.compute_dtype
            output = outputs[name] = as_float64(output)
        assert output.shape == inputs.shape
        rows = row.head.rows(output)
        assert np.isfinite(rows).all() and (rows >= 0).all(), name
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=2 * step, err_msg=name)
        if row.keeps_label:
            np.testing.assert_array_equal(rows.argmax(axis=1), row.head.label(inputs), name)
        np.testing.assert_allclose(output[len(hostile):], outputs["eager"][len(hostile):],
                                   16 * step, step, err_msg=name)  # yapf: disable


@each_row
def test_reloaded_is_bit_equal(row, tmp_path):
    """A `.keras` file holds the whole configuration of the defence."""
    y = row.head.receive(np.concatenate([hostile_rows(400, 10, 1), softmax_rows(400, 10, 3, 2)]))
    model = keras.Sequential([keras.Input((10,)), row.make()])
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_numpy(reloaded(y)), as_numpy(model(y)))


@pytest.mark.parametrize("kind", NON_DEFAULT, ids=lambda kind: kind.__name__)
def test_config_has_every_constructor_argument(kind):
    """So does a clone made from it."""
    parameters = inspect.signature(kind.__init__).parameters
    defaults = {
        key: value.default
        for key, value in parameters.items()
        if value.default is not inspect.Parameter.empty
    }
    options = NON_DEFAULT[kind]
    assert options.keys() == defaults.keys()
    assert all(options[key] != defaults[key] for key in options)
    layer = kind(**options, name="mine", dtype="mixed_bfloat16")
    clone = kind.from_config(layer.get_config())
    assert options.items() <= layer.get_config().items()
    assert clone.get_config() == layer.get_config()


@each_row
def test_training_is_the_identity_unless_forced(row):
    """A model that ends in a defence trains as before; one of logits, as if it had a softmax."""
    y = row.head.receive(softmax_rows(20, 10, 1, 4))
    tolerance = 0 if row.head.clean is Head.clean else 1e-6
    np.testing.assert_allclose(as_numpy(row.make()(y, training=True)), row.head.clean(y), tolerance)
    forced = row.make(apply_in_training=True)
    np.testing.assert_array_equal(as_numpy(forced(y, training=True)), as_numpy(row.make()(y)))
    assert not np.array_equal(as_numpy(forced(y)), row.head.clean(y))


@each_row
@each_mode
@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_gradients_are_finite(row, mode, policy):
    """At one-hot rows, ties and probabilities down to the smallest normal number."""
    y = row.head.receive(np.concatenate([extreme_rows(10, 5), hostile_rows(80, 10, 6)]))
    layer = row.make(dtype=policy)

    def loss(inputs):
        # A map that is piecewise constant has no gradient at all: 0 counts.
        return ops.sum(ops.cast(layer(inputs), "float32") * ops.arange(1.0, 11.0))

    gradient, = mode(backends.gradients(loss))(constant(y, layer.compute_dtype))
    assert np.isfinite(as_float64(gradient)).all()


@each_row
def test_rows_do_not_depend_on_their_batch(row):
    """Nor does a NaN or an infinity leave its row; a batch may be empty; any rank will do."""
    y = row.head.receive(softmax_rows(60, 10, 2, 7))
    layer = row.make()
    whole = as_float64(layer(y))
    for part in (y[:1], y[::-1][:13]):
        np.testing.assert_allclose(as_float64(layer(part)),
                                   whole[[np.flatnonzero((y == r).all(1))[0] for r in part]], 1e-6)
    assert layer(y[:0]).shape == (0, 10)
    np.testing.assert_allclose(
        as_float64(layer(y.reshape(3, 4, 5, 10))).reshape(60, 10), whole, 1e-6)
    np.testing.assert_allclose(as_float64(layer(y[0])), whole[0], 1e-6)
    spoilt = y.copy()
    spoilt[3, 4], spoilt[8] = np.nan, np.nan
    if not row.head.units:
        spoilt[5, 0], spoilt[8] = np.inf, np.inf
    gone = np.isnan(spoilt) | np.isinf(spoilt)
    if not row.head.units:
        gone[gone.any(axis=1)] = True
    for name, mode in MODES.items():
        output = as_float64(mode(layer)(constant(spoilt)))
        np.testing.assert_allclose(output, np.where(gone, np.nan, whole), 2e-6, err_msg=name)


@each_row
@backends.only_on("tensorflow", reason="No other backend has such graphs")
def test_a_graph_of_tensorflow_1_computes_the_same(row):
    """There, `==` of tensors is a question of identity."""
    import tensorflow as tf
    inputs = row.head.receive(np.concatenate([hostile_rows(40, 6, seed=3), np.zeros((1, 6), "f")]))
    expected = as_numpy(row.make()(inputs))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        placeholder = tf.compat.v1.placeholder(tf.float32, (None, 6))
        got = session.run(row.make()(placeholder), {placeholder: inputs})
    np.testing.assert_allclose(got, expected, 1e-6)


@each_row
def test_shapes_masks_and_symbolic_calls(row):
    """What Keras expects of a layer that keeps the shape."""
    layer = row.make()
    assert layer.compute_output_shape((None, 7, 5)) == (None, 7, 5)
    assert layer(keras.Input((7, 5))).shape == (None, 7, 5)
    assert layer.supports_masking
    assert not layer.weights


@each_row
def test_what_is_no_row_of_probabilities_is_refused(row):
    """With the remedy, at construction of a model or at the first call."""
    refused = [(4, None)] if row.kind is ReverseSigmoid else [(4, 1), (4, None)]
    for shape in refused if not row.head.units else []:
        with pytest.raises(ValueError, match="Sigmoid heads are for `ReverseSigmoid`"):
            row.make().compute_output_shape(shape)
        with pytest.raises(ValueError, match="last axis has a fixed size"):
            row.make()(keras.Input(shape[1:]))
        if None not in shape:
            with pytest.raises(ValueError, match="last axis has a fixed size"):
                row.make()(np.ones(shape, "float32"))
    for dtype in ("int32", "bool"):
        with pytest.raises(ValueError, match=f"floating-point dtype.*{dtype}"):
            row.make()(np.ones((2, 3), dtype))
    with pytest.raises(ValueError, match="`apply_in_training` must be a boolean"):
        row.make(apply_in_training=1)
