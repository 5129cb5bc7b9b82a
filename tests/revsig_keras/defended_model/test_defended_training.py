"""A defended model is compiled, trained, watched and validated as the model inside would be."""
import contextlib

import keras
import numpy as np
import pytest

from models.processes.strategy import make_strategy
from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from tests.tables import some_quick

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.random.default_rng(1).integers(4, size=64)
WEIGHTS = np.random.default_rng(2).uniform(0.1, 2.0, size=64).astype("float32")


def classifier(dropout=0.5):
    """Always with the same weights; its probabilities are in float32 under a mixed policy too."""
    return keras.Sequential([
        keras.Input((6,)),
        keras.layers.Dense(8, "relu", kernel_initializer=keras.initializers.GlorotNormal(seed=1)),
        keras.layers.Dropout(dropout, seed=0),
        keras.layers.Dense(4, kernel_initializer=keras.initializers.GlorotNormal(seed=2)),
        keras.layers.Softmax(dtype="float32"),
    ])


EAGER = dict(run_eagerly=True)
# What is given to `compile` and to `fit`.
MODES = {
    "eager": (EAGER, dict(sample_weight=WEIGHTS)),
    "steps_per_execution": (dict(steps_per_execution=3),
                            dict(class_weight={
                                0: 0.1,
                                1: 1.0,
                                2: 2.0,
                                3: 3.0
                            })),
    "jit_compile": (dict(jit_compile=True), {}),
    # Compiled, operations are fused, and what is fused is not rounded to half precision in between.
    "mixed_bfloat16": (EAGER, {}),
    "mixed_float16": (EAGER, {}),
    "replicas": ({}, dict(sample_weight=WEIGHTS)),
}


def trained(wrap, mode, settings):
    """Returns a model trained in that mode and its history."""
    data = MODES[mode][1]
    replicas = mode == "replicas" and settings is not EAGER
    scope = make_strategy("mirrored").scope() if replicas else contextlib.nullcontext()
    keras.config.set_dtype_policy(mode if mode.startswith("mixed") else "float32")
    try:
        with scope:
            # XLA draws other numbers, and so does each replica.
            model = wrap(classifier(0.0 if mode in ("jit_compile", "replicas") else 0.5))
            model.compile(keras.optimizers.SGD(0.1),
                          "sparse_categorical_crossentropy",
                          metrics=["accuracy"],
                          weighted_metrics=["accuracy"],
                          **settings)
    finally:
        keras.config.set_dtype_policy("float32")
    validation = (X, Y, WEIGHTS)
    settings = dict(batch_size=32, epochs=2, shuffle=False, verbose=0, validation_data=validation)
    return model, model.fit(X, Y, **settings, **data).history


QUICK = ("steps_per_execution", "mixed_bfloat16")


@pytest.mark.parametrize("mode", some_quick(MODES.keys(), QUICK))
def test_it_trains_as_without_the_defence(mode):
    """The losses, metrics and weights of the bare model; validation and prediction is defended."""
    defence = ReverseSigmoid(dtype="float32")
    plain, expected = trained(lambda model: model, mode, EAGER)
    defended, got = trained(lambda model: DefendedModel(model, defence), mode, MODES[mode][0])
    assert list(got) == list(expected)
    for key in set(got) - {"val_loss"}:
        np.testing.assert_allclose(got[key], expected[key], 1e-4, err_msg=key)
    for before, after in zip(plain.get_weights(), defended.model.get_weights()):
        np.testing.assert_allclose(after, before, 1e-4, 1e-6)
    probabilities = defended.predict(X, verbose=0)
    np.testing.assert_allclose(probabilities,
                               ReverseSigmoid()(plain(X)), 1e-2 if "mixed" in mode else 1e-5)
    loss = np.mean(-np.log(probabilities[np.arange(64), Y]) * WEIGHTS)
    assert got["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert got["val_loss"][-1] != pytest.approx(expected["val_loss"][-1], rel=1e-3)


@pytest.mark.parametrize("made, wrapped", [("mixed_float16", "float32"),
                                           ("float32", "mixed_float16")])
def test_the_loss_is_scaled_as_without_the_defence(made, wrapped):
    """Where float16 needs it: by the policy of the model, not by that at the time of wrapping."""
    try:
        keras.config.set_dtype_policy(made)
        plain = classifier()
        keras.config.set_dtype_policy(wrapped)
        model = DefendedModel(plain)
        for each in (plain, model):
            each.compile("sgd", "sparse_categorical_crossentropy")
    finally:
        keras.config.set_dtype_policy("float32")
    expected = "LossScaleOptimizer" if made == "mixed_float16" else "SGD"
    assert [type(each.optimizer).__name__ for each in (plain, model)] == [expected] * 2


def test_a_quantized_layer_is_wrapped():
    """Its policy is for it alone."""
    layer = keras.layers.Dense(4, activation="softmax")
    layer(X)
    layer.quantize("int8")
    np.testing.assert_allclose(DefendedModel(layer)(X), ReverseSigmoid()(layer(X)), 1e-5)


def test_callbacks_watch_the_defended_loss(tmp_path):
    """Early stopping restores, and the checkpoint keeps, the weights of the best `val_loss`."""
    model = DefendedModel(classifier())
    model.compile("sgd", "sparse_categorical_crossentropy")
    kernel = model.model.layers[2].kernel
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: kernel.assign(kernel * (30.0 if epoch == 2 else 1.0)))
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    keep = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    history = model.fit(X,
                        Y,
                        epochs=9,
                        shuffle=False,
                        verbose=0,
                        validation_data=(X, Y),
                        callbacks=[spoil, stop, keep]).history["val_loss"]
    assert len(history) == 3 and min(history) == history[1] < history[2] - 0.05
    best = model.evaluate(X, Y, verbose=0)
    assert best == pytest.approx(history[1], rel=1e-5)
    kept = keras.saving.load_model(tmp_path / "best.keras")
    assert kept.evaluate(X, Y, verbose=0) == best
    np.testing.assert_array_equal(kept.predict(X, verbose=0), model.predict(X, verbose=0))


def test_an_application_of_a_thousand_classes():
    """Of keras.applications; without its softmax it is refused, or the defence does it."""
    make = keras.applications.MobileNetV2
    settings = dict(weights=None, alpha=0.35, input_shape=(32, 32, 3))
    images = np.random.default_rng(3).uniform(-1, 1, size=(4, 32, 32, 3)).astype("float32")
    model = make(**settings)
    defence = ReverseSigmoid(beta=2 / 1000)
    output = np.array(DefendedModel(model, defence)(images))
    np.testing.assert_allclose(output, defence(model(images)), 1e-4)
    np.testing.assert_allclose(output.sum(1), 1.0, 1e-5)
    logits = keras.Model(model.input, keras.layers.Dense(1000)(model.layers[-2].output))
    with pytest.raises(ValueError, match="emits logits"):
        DefendedModel(logits)
    assert DefendedModel(logits, ReverseSigmoid(from_logits=True)).built


class OwnStep(keras.Model):

    def train_step(self, *args, **kwargs):
        return super().train_step(*args, **kwargs)


class OwnLoss(keras.Sequential):

    def compute_loss(self, *args, **kwargs):
        return super().compute_loss(*args, **kwargs)


@pytest.mark.parametrize("kind, name", [(OwnStep, "train_step"), (OwnLoss, "compute_loss")])
def test_a_training_of_its_own_is_not_left_out(kind, name):
    """The wrapper refuses to train what trains otherwise, and serves it all the same."""
    plain = classifier()
    own = kind(plain.layers) if kind is OwnLoss else kind(plain.inputs, plain.outputs)
    own.compile("sgd", "sparse_categorical_crossentropy")
    own.fit(X, Y, verbose=0)
    model = DefendedModel(own)
    model.compile("sgd", "sparse_categorical_crossentropy")
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match=f"`model` must not train by a `{name}` of its own"):
            train(X, Y)
    model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), ReverseSigmoid()(own(X)), 1e-5)


class OwnPrediction(keras.Model):
    """Scales its inputs in `predict` alone."""

    def predict_step(self, data):
        return self(255.0 * data, training=False)


def test_a_prediction_of_its_own_is_not_left_out():
    """The answers of a call would have other labels."""
    plain = classifier()
    model = DefendedModel(OwnPrediction(plain.inputs, plain.outputs))
    for predict in (model.predict, model.predict_on_batch):
        with pytest.raises(ValueError, match="must not predict by a `predict_step`.*its `call`"):
            predict(X)
    np.testing.assert_allclose(model(X), ReverseSigmoid()(plain(X)), 1e-5)
