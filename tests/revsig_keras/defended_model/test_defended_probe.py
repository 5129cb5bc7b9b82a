"""The batch that a model is tried on leaves nothing behind, and is made for any model."""
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.processes.strategy import make_strategy
from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from tests.revsig_keras.classifiers import dense
from tests.revsig_keras.classifiers import FIRST
from tests.revsig_keras.classifiers import sequential
from tests.revsig_keras.classifiers import SOFTMAX
from tests.revsig_keras.classifiers import Subclassed
from tests.revsig_keras.classifiers import X

pytestmark = pytest.mark.usefixtures("collected")


class Stateful(keras.Model):
    """With all that an inference may change: statistics, states, seeds and losses."""

    def __init__(self):
        super().__init__()
        self.steps = keras.layers.Reshape((3, 2))
        self.rnn = keras.layers.SimpleRNN(5, stateful=True)
        self.noise = keras.layers.GaussianNoise(0.1, seed=1)
        self.norm = keras.layers.BatchNormalization()
        self.dense = dense("softmax")
        self.dense.activity_regularizer = keras.regularizers.L2(0.1)
        self.calls = 0

    def call(self, inputs, training=False):
        self.calls += 1
        hidden = self.rnn(self.steps(inputs))
        hidden = hidden + keras.random.normal((4,), seed=None)[0] * 1e-9
        return self.dense(self.norm(self.noise(hidden, training=True), training=training))


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_probe_changes_nothing(compiled):
    """No variable, seed or loss; and it is one more call, once."""
    model = Stateful()
    model(X[:8])
    results = []
    for probed in (False, True):
        keras.utils.set_random_seed(3)
        model.rnn.reset_state()
        model.noise.seed_generator.state.assign([1, 0])
        defended = DefendedModel(model)
        if not probed:
            defended._heads.stop_probing()
        call = tf.function(defended) if compiled else defended
        model.calls = 0
        outputs = [call(X[:8])]
        calls = model.calls
        outputs.append(call(X[:8]))
        assert model.calls == calls if compiled else calls + 1
        assert len(defended.losses) == 1
        results.append([calls - probed, *outputs, *model.variables, keras.random.normal((2,))])
    for before, after in zip(*results):
        np.testing.assert_array_equal(after, before)


def test_the_probe_leaves_nothing_in_a_graph():
    """As many operations as without it."""
    counts = []
    for probed in (False, True):
        model = Subclassed("softmax")
        model(X)
        defended = DefendedModel(model)
        if not probed:
            defended._heads.stop_probing()
        graph = tf.function(defended).get_concrete_function(tf.TensorSpec((None, 6))).graph
        counts.append(len(graph.get_operations()))
    assert counts[0] == counts[1]


def test_the_probe_leaves_nothing_on_a_tape():
    """Gradients are as without it."""
    model = Subclassed("softmax")
    model(X)
    gradients = []
    for probed in (False, True):
        defended = DefendedModel(model)
        if not probed:
            defended._heads.stop_probing()
        with tf.GradientTape() as tape:
            loss = keras.ops.sum(defended(X)**2)
        gradients.append(tape.gradient(loss, model.trainable_variables))
    for before, after in zip(*gradients):
        np.testing.assert_array_equal(after, before)


class Picky(Subclassed):
    """Fails on inputs that it does not like."""

    def call(self, inputs, training=False):
        if inputs.shape[0] == 8:
            raise RuntimeError("not 8 rows")
        return super().call(inputs)


def test_a_model_that_cannot_be_probed():
    """One warning; the values of calls are checked nevertheless."""
    for activation in ("softmax", None):
        model = Picky(activation)
        model(X)
        defended = DefendedModel(model)
        with pytest.warns(UserWarning, match="could not be tried.*RuntimeError.*not 8 rows"):
            tf.function(defended)(X)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            tf.function(defended)(X)
            if activation:
                defended(X)
                continue
            with pytest.raises(ValueError, match=SOFTMAX):
                defended(X)


class Anything(Subclassed):
    """Of several inputs of several dtypes and sizes."""

    def call(self, inputs, training=False):
        words = keras.ops.one_hot(inputs["words"], 5)
        known = keras.ops.where(inputs["known"], 1.0, 0.0)
        image = keras.ops.mean(inputs["image"], axis=(1, 2))
        assert inputs["absent"] is None and inputs["text"].dtype == "string"
        return super().call(keras.ops.concatenate([keras.ops.sum(words, 1), known, image], 1))


def test_all_kinds_of_inputs_are_made_up():
    """Integers, booleans, strings, optional ones, unknown sizes."""
    inputs = {
        "words": np.array([[1, 4]] * 3),
        "known": np.array([[True]] * 3),
        "image": np.ones((3, 9, 7, 2), "float32"),
        "text": tf.constant([["a"]] * 3),
        "absent": None,
    }
    specs = {
        "words": tf.TensorSpec((None, 2), "int64"),
        "known": tf.TensorSpec((None, 1), "bool"),
        "image": tf.TensorSpec((None, None, None, 2)),
        "text": tf.TensorSpec((None, 1), "string"),
    }
    for activation in ("softmax", None):
        model = Anything(activation)
        model(inputs)
        defended = DefendedModel(model)
        traced = tf.function(lambda x: defended({**x, "absent": None}), autograph=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", ".* could not be tried")
            if activation:
                traced.get_concrete_function(specs)
                assert defended._heads.are("probed")
                continue
            with pytest.raises(ValueError, match=SOFTMAX):
                traced.get_concrete_function(specs)


def test_the_probe_in_a_distribution_scope():
    """Of two replicas, which compile their part each."""
    made = []
    for defence in (ReverseSigmoid(), ReverseSigmoid(from_logits=True)):
        with make_strategy("mirrored").scope():
            layers = [dense(), keras.layers.BatchNormalization()]
            made.append(DefendedModel(sequential(*layers), defence))
            made[-1].compile("sgd", "sparse_categorical_crossentropy")
    refused, fine = made
    with pytest.raises(ValueError, match=SOFTMAX):
        FIRST["fit"](refused)
    FIRST["predict"](fine)
    assert fine._heads.are("probed")
