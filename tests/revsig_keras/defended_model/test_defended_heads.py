"""What the model has to emit: told by its configuration, else seen in its answers."""
import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras.defended_model.expectations import check_scores
from tests.revsig_keras.classifiers import dense
from tests.revsig_keras.classifiers import FIRST
from tests.revsig_keras.classifiers import sequential
from tests.revsig_keras.classifiers import SOFTMAX
from tests.revsig_keras.classifiers import Subclassed
from tests.revsig_keras.classifiers import X

pytestmark = pytest.mark.usefixtures("collected")
LABELS = r"ReverseSigmoid\(multi_label=True\)"


def nested(model):
    inputs = keras.Input((6,))
    return keras.Model(inputs, keras.Sequential([keras.Input((6,)), model])(inputs))


def headed(activation, units=4):
    """Functional, of two outputs; the one that is not asked for ends otherwise."""
    inputs = keras.Input((6,))
    other = dense(None if activation else "softmax")(inputs)
    return keras.Model(inputs, {"other": other, "scores": dense(activation, units)(inputs)})


# Logits, unless the defence takes them; softmax, unless it does not; and likewise sigmoid units.
TOLD = {
    "fused": (lambda: sequential(dense()), {}, SOFTMAX),
    "unbuilt": (lambda: sequential(dense(), built=False), {}, SOFTMAX),
    "layer": (dense, {}, SOFTMAX),
    "nested": (lambda: nested(sequential(dense())), {}, SOFTMAX),
    "one of two": (lambda: headed(None), {}, SOFTMAX),
    "one logit": (lambda: sequential(dense(units=1)), {}, SOFTMAX),
    "sigmoids": (lambda: sequential(dense("sigmoid")), {}, LABELS),
    "separate": (lambda: sequential(dense(), keras.layers.Activation("sigmoid")), {}, LABELS),
    "sigmoids of two": (lambda: headed("sigmoid"), {}, LABELS),
    "softmax of one": (lambda: sequential(dense("softmax", 1)), {}, "softmax over 1 unit.*sigmoid"),
    "two softmaxes": (lambda: sequential(dense("softmax")), {
        "from_logits": True
    }, "Drop `from_logits=True`, or the softmax"),
    "softmax layer": (lambda: sequential(dense(), keras.layers.Softmax()), {
        "from_logits": True
    }, "Drop `from_logits=True`, or the softmax"),
    "two sigmoids": (lambda: sequential(dense("sigmoid", 1)), {
        "from_logits": True
    }, "Drop `from_logits=True`, or the sigmoid"),
    "labels": (lambda: sequential(dense("softmax")), {
        "multi_label": True
    }, "Drop `multi_label=True`, or end it in a sigmoid"),
}


@pytest.mark.parametrize("make, head, remedy", TOLD.values(), ids=TOLD)
def test_what_the_configuration_tells_is_refused_at_once(make, head, remedy):
    """With the remedy, before any call."""
    output = "scores" if len(getattr(make(), "outputs", [0])) > 1 else None
    with pytest.raises(ValueError, match=remedy):
        DefendedModel(make(), ReverseSigmoid(**head), output)


FINE = {
    "softmax": (lambda: sequential(dense("softmax")), {}),
    "sigmoid": (lambda: sequential(dense("sigmoid", 1)), {}),
    "sigmoids": (lambda: sequential(dense("sigmoid")), {
        "multi_label": True
    }),
    "logits": (lambda: sequential(dense()), {
        "from_logits": True
    }),
    "logit": (lambda: sequential(dense(units=1)), {
        "from_logits": True
    }),
    "logits of labels": (lambda: sequential(dense()), {
        "from_logits": True,
        "multi_label": True
    }),
}


@pytest.mark.parametrize("make, head", FINE.values(), ids=FINE)
@pytest.mark.parametrize("told", [True, False], ids=["told", "seen"])
def test_what_fits_is_defended(make, head, told):
    """Whether the configuration tells or not; training sees the probabilities."""
    defence = ReverseSigmoid(beta=1.5, **head)
    model = make()
    # A linear `Activation` after it may follow anything.
    model = model if told else sequential(model, keras.layers.Activation("linear"))
    defended = DefendedModel(model, defence)
    np.testing.assert_allclose(defended(X), defence(model(X)), 1e-6)
    clean = model(X)
    if "from_logits" in head:
        binary = "multi_label" in head or clean.shape[1] == 1
        clean = keras.ops.sigmoid(clean) if binary else keras.ops.softmax(clean)
    np.testing.assert_allclose(defended(X, training=True), clean, 1e-5)
    assert np.abs(defended(X) - clean).max() > 0.01


def test_classes_on_another_axis():
    """A softmax over that axis fits; one over the last axis does not."""
    inputs = keras.Input((3, 5))
    for axis, defended_axis in ((1, 1), (1, -2), (-1, -1)):
        model = keras.Model(inputs, keras.layers.Softmax(axis=axis)(inputs))
        DefendedModel(model, ReverseSigmoid(axis=defended_axis))(X[:30].reshape(12, 3, 5))
    with pytest.raises(ValueError, match="with sums over axis 1 between"):
        DefendedModel(model, ReverseSigmoid(axis=1))(X[:30].reshape(12, 3, 5))


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_unknown_logits_are_refused_at_the_first_call(first):
    """However the first call is made."""
    defended = DefendedModel(Subclassed())
    defended.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=SOFTMAX):
        first(defended)


@pytest.mark.parametrize("first", ["call", "predict", "fit"])
def test_unknown_logits_of_a_used_model_are_refused(first):
    """And the remedies that are named help."""
    model = Subclassed()
    model(X)
    for defended in (DefendedModel(model), DefendedModel(model, ReverseSigmoid(from_logits=True)),
                     DefendedModel(sequential(model, keras.layers.Softmax()))):
        defended.compile("sgd", "sparse_categorical_crossentropy")
        refused = defended.model is model and not defended.defence.from_logits
        with pytest.raises(ValueError, match=SOFTMAX) if refused else contextlib.nullcontext():
            FIRST[first](defended)


@pytest.mark.parametrize("reload", [False, True])
def test_they_are_refused_before_anything_is_exported(reload, tmp_path):
    """Also if the model was reloaded, and never called."""
    model = sequential(dense(), keras.layers.BatchNormalization())
    defended = DefendedModel(model)
    if reload:
        defended.save(tmp_path / "model.keras")
        defended = keras.saving.load_model(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=SOFTMAX):
        defended.export(tmp_path / "served", verbose=False)
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize("kind", ["train", "test", "predict"])
def test_they_are_refused_before_anything_is_compiled(kind):
    """While that is done, the variables have no values on some backends."""
    defended = DefendedModel(sequential(dense(), keras.layers.BatchNormalization()))
    defended.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=SOFTMAX):
        getattr(defended, f"make_{kind}_function")()


def lambda_head(function):
    inputs = keras.Input((6,))
    return keras.Model(inputs, function(dense()(inputs)))


SEEN = {
    "batch normalization": (lambda: sequential(dense(), keras.layers.BatchNormalization()), {}),
    "relu": (lambda: sequential(dense("relu")), {}),
    "relu logits": (lambda: lambda_head(keras.ops.relu), {}),
    "log softmax": (lambda: lambda_head(keras.ops.log_softmax), {}),
    "cast logits": (lambda: sequential(dense(), keras.layers.Activation("linear")), {}),
    "one logit": (lambda: Subclassed(units=1), {}),
    "sigmoids": (lambda: Subclassed("sigmoid"), {}),
    "two sigmoids": (lambda: Subclassed("sigmoid", 2), {}),
    "logits of labels": (Subclassed, {
        "multi_label": True
    }),
    "two softmaxes": (lambda: Subclassed("softmax"), {
        "from_logits": True
    }),
}


@pytest.mark.parametrize("make, head", SEEN.values(), ids=SEEN)
def test_what_is_seen_in_the_answers_is_refused(make, head):
    """By random inputs alone, and by real ones alone."""
    remedy = "Drop `from_logits" if "from_logits" in head else f"{SOFTMAX}.*{LABELS}"
    model = make()
    model(X)
    with pytest.raises(ValueError, match=remedy):
        tf.function(DefendedModel(model, ReverseSigmoid(**head)))(X)
    defended = DefendedModel(model, ReverseSigmoid(**head))
    defended._heads.stop_probing()
    with pytest.raises(ValueError, match=remedy):
        defended(X)
    defended = DefendedModel(model, ReverseSigmoid(**head))
    for head in defended._heads:
        head.seen = True
    with pytest.raises(ValueError, match=remedy):
        defended(X)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("cast", [True, False])
def test_rounded_probabilities_pass(dtype, cast):
    """Sums of many rounded numbers, cast to float32 or not."""
    inputs = keras.Input((6,))
    outputs = keras.layers.Dense(1000,
                                 dtype=f"mixed_{dtype}" if dtype != "float32" else dtype)(inputs)
    outputs = keras.layers.Activation("softmax", dtype=dtype)(outputs)
    if cast:
        outputs = keras.layers.Activation("linear", dtype="float32")(outputs)
    DefendedModel(keras.Model(inputs, keras.ops.reshape(outputs, (-1, 1000))))(X)


def test_scores_that_tell_nothing():
    """Rows with NaN or without any mass; those beside them do."""
    nothing = np.array([[np.nan, 0.5], [0.0, 0.0], [np.inf, 1.0]])
    fine, off = np.array([[0.25, 0.75]]), np.array([[0.25, 0.65]])
    for defence in (ReverseSigmoid(), ReverseSigmoid(from_logits=True)):
        assert check_scores(nothing, defence) is False
        assert check_scores(np.empty((0, 2)), defence) is False
    assert check_scores(np.concatenate([nothing, fine]), ReverseSigmoid()) is True
    assert check_scores(np.concatenate([fine, off]), ReverseSigmoid(from_logits=True)) is True
    assert check_scores(off, ReverseSigmoid(multi_label=True)) is True
    with pytest.raises(ValueError, match="sums over axis -1 between 0.9 and 1"):
        check_scores(np.concatenate([nothing, fine, off]), ReverseSigmoid())
    with pytest.raises(ValueError, match="scores between -0.5 and 1.5"):
        check_scores(np.array([[-0.5, 1.5]]), ReverseSigmoid())
