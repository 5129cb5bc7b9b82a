"""The training loop gives the same model for any replicas and whatever was trained before."""
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import architectures
from models.processes.strategy import make_strategy
from models.training import optimizers
from models.training import run
from models.training import trainer
from models.training.batches import Batches
from models.training.loop import compile_loop
from tests.models.training.trainers import build
from tests.models.training.trainers import CLASSES
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import new_trainer
from tests.models.training.trainers import SHAPE
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X
from tests.tables import some_quick


@pytest.mark.parametrize("optimizer, batch_size", [
    ("adam", 15),
    pytest.param("adam", 1, marks=pytest.mark.slow),
    pytest.param("adam", 16, marks=pytest.mark.slow),
    pytest.param("sgd:learning_rate=0.1", 15, marks=pytest.mark.slow),
])
def test_replicas_train_the_same_model(optimizer, batch_size):
    one, two = (make_trainer(replicas, "mlp", optimizer, batch_size) for replicas in (1, 2))
    for max_shift in (0, 2):
        runs = [train(each, X, TARGETS, 20, seed=1, max_shift=max_shift) for each in (one, two)]
        np.testing.assert_allclose(weights(runs[0]), weights(runs[1]), rtol=0, atol=1e-5)


def test_replicas_update_large_variables_the_same_way(monkeypatch):
    monkeypatch.setattr(optimizers, "FUSED_SIZE", 1)
    runs = [train(new_trainer(replicas), X, TARGETS, 20, seed=1) for replicas in (1, 2)]
    np.testing.assert_allclose(weights(runs[0]), weights(runs[1]), rtol=0, atol=1e-5)


def test_a_step_is_one_of_gradient_descent_on_the_mean_cross_entropy():
    model = architectures.build("mlp", SHAPE, CLASSES, seed=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            keras.losses.categorical_crossentropy(TARGETS, model(X), from_logits=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    expected = [
        variable.numpy() - 0.1 * gradient.numpy()
        for variable, gradient in zip(model.trainable_variables, gradients)
    ]
    descent = make_trainer(2, "mlp", "sgd:learning_rate=0.1:momentum=0", 1000)
    trained = train(descent, X, TARGETS, 1, 3)
    for actual, wanted in zip(trained.weights, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("replicas", some_quick([1, 2], [1]))
def test_every_run_starts_afresh(replicas):
    """With dropout, whose random state is one of the things to start afresh."""
    used, new = (new_trainer(replicas, "mnist_cnn") for _ in range(2))
    train(used, X[:20], TARGETS[:20], 30, seed=1, max_shift=1)
    again, wanted = (train(each, X, TARGETS, 60, seed=2, max_shift=1) for each in (used, new))
    np.testing.assert_array_equal(weights(again), weights(wanted))


def test_the_seed_decides():
    shared = make_trainer()
    first, same, other = (weights(train(shared, X, TARGETS, 5, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_compiles_once_and_trains_in_training_mode():
    calls = []

    class Spy(keras.layers.Layer):

        def call(self, x, training=None):
            calls.append(training)
            return x

    def build(seed):
        model = architectures.build("mlp", SHAPE, CLASSES, seed)
        return keras.Model(model.input, Spy()(model.output))

    shared = trainer.Trainer(build, keras.optimizers.Adam, 32, make_strategy("one_device"))
    train(shared, X, TARGETS, 3, seed=0)
    assert calls.count(True) == 1, "traced once, in training mode"
    for rows, steps in ((70, 60), (33, 5), (7, 1)):
        trained = train(shared, X[:rows], TARGETS[:rows], steps, seed=1)
    assert calls.count(True) == 1, "whatever the number of rows and steps"
    shared.predict(trained.weights, X)
    assert calls[-1] is False


def test_learns():
    labels = (X.mean((1, 2, 3)) > 0.5).astype(int)
    shared = make_trainer()
    trained = train(shared, X, np.eye(CLASSES)[labels], 600, seed=0)
    assert np.mean(shared.predict(trained.weights, X).argmax(-1) == labels) > 0.9


def test_watching_and_progress():
    counts, shared = [], make_trainer(architecture="mnist_cnn")
    alone = weights(train(shared, X, TARGETS, 120, 0, max_shift=1))
    watched = train(shared,
                    X,
                    TARGETS,
                    120,
                    0,
                    max_shift=1,
                    progress=counts.append,
                    watch=lambda model, step: len(model.layers) and step * 10,
                    watch_at=[7, 50, 120])
    assert watched.watched == ((7, 70), (50, 500), (120, 1200))
    assert counts == [7, 43, 50, 20] and watched.steps == 120 and watched.seconds > 0
    np.testing.assert_array_equal(weights(watched), alone)


def test_large_inputs_are_split_further_with_the_same_result(monkeypatch):
    counts, shared = [], make_trainer(architecture="mnist_cnn")
    whole = weights(train(shared, X, TARGETS, 60, 0, max_shift=1))
    monkeypatch.setattr(run, "_BYTES_PER_CALL", 20 * 16 * 36 * 4)
    parts = train(shared, X, TARGETS, 60, 0, max_shift=1, progress=counts.append)
    assert counts == [20, 20, 10, 10] and 0 <= parts.input_seconds <= parts.seconds
    np.testing.assert_array_equal(weights(parts), whole)


@pytest.mark.parametrize("replicas", some_quick([1, 2], [1]))
@pytest.mark.parametrize("precision, atol", [("mixed_bfloat16", 0.02), ("mixed_float16", 0.02)])
def test_lower_precision_trains_almost_the_same_model(replicas, precision, atol):
    """Variables stay float32. Plain gradient descent is compared, in which rounding stays small:
    the first steps of Adam depend on little more than the signs of the gradient."""

    def logits(chosen):
        shared = trainer.Trainer(
            lambda seed: architectures.build("digits_cnn", SHAPE, CLASSES, seed, chosen),
            lambda: keras.optimizers.SGD(0.1), 16,
            make_strategy("mirrored" if replicas > 1 else "one_device"))
        trained = train(shared, X, TARGETS, 20, 0)
        assert {weight.dtype for weight in trained.weights} == {np.dtype("float32")}
        return shared.predict(trained.weights, X)

    full, lower = logits("float32"), logits(precision)
    assert lower.dtype == np.float32 and 0 < np.abs(full - lower).max() < atol


def test_waiting_for_batches_is_measured(monkeypatch):
    take = Batches.take

    def slowly(batches, steps):
        time.sleep(0.2)
        return take(batches, steps)

    monkeypatch.setattr(Batches, "take", slowly)
    trained = train(make_trainer(), X, TARGETS, 10, 0)
    assert 0.2 <= trained.input_seconds <= trained.seconds


@pytest.mark.parametrize("replicas", some_quick([1, 2], [1]))
def test_xla_trains_the_same_model(replicas, monkeypatch):
    loops = []

    def remember(*arguments):
        loops.append(compile_loop(*arguments))
        return loops[-1]

    monkeypatch.setattr(trainer, "compile_loop", remember)
    strategy = make_strategy("mirrored" if replicas > 1 else "one_device")
    plain, jit = (train(trainer.Trainer(build, keras.optimizers.Adam, 16, strategy, jit=jit),
                        X,
                        TARGETS,
                        20,
                        0,
                        max_shift=1) for jit in (False, True))
    np.testing.assert_allclose(weights(plain), weights(jit), rtol=0, atol=1e-5)
    assert [is_compiled_by_xla(loop) for loop in loops] == [False, True]


@pytest.mark.parametrize("architecture, is_whole", [("mlp", True), ("digits_cnn", False)])
def test_xla_compiles_the_whole_loop_of_fully_connected_models(architecture, is_whole):
    shared = trainer.Trainer(lambda seed: build(seed, architecture),
                             keras.optimizers.Adam,
                             16,
                             make_strategy("one_device"),
                             jit=True)
    train(shared, X, TARGETS, 1, 0)
    loop, = shared._loops.values()
    outside = {operation.type for operation in loop.graph.get_operations()}
    assert is_compiled_by_xla(loop) and outside.isdisjoint({"While", "StatelessWhile"}) == is_whole


def is_compiled_by_xla(function):
    library = function.graph.as_graph_def().library.function
    return any(part.attr["_XlaMustCompile"].b for part in library)


@pytest.mark.parametrize("change, message", [
    ({"inputs": X[:, :5]}, r"inputs must have the shape .*Received: \(70, 5, 6, 1\)"),
    ({"inputs": X[:0], "targets": TARGETS[:0]}, "at least one row"),
    ({"targets": TARGETS[:5]}, "targets must have one row of 3 numbers for each of the 70 inputs"),
    ({"targets": TARGETS * 2}, "targets must be probabilities"),
    ({"targets": TARGETS * np.nan}, "targets must be probabilities"),
    ({"steps": 0}, "`steps` must be an integer of 1 or more. Received: steps=0"),
    ({"steps": True}, "`steps` must be an integer of 1 or more. Received: steps=True"),
    ({"seed": -1}, "`seed` must be"),
    ({"max_shift": 1.5}, "`max_shift` must be an integer"),
    ({"unlabelled_shift": -1}, "`unlabelled_shift` must be an integer of 0 or more"),
    ({"patience": 0}, "`patience` must be"),
    ({"watch_at": [11]}, "watch_at must hold steps from 1 to 10"),
    ({"held_out": (X[:, :5], TARGETS)}, "inputs must have the shape"),
    ({"held_out": (X, TARGETS * 2)}, "targets must be probabilities"),
    ({"unlabelled": X[:, :5]}, "inputs must have the shape"),
])  # yapf: disable
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        train(make_trainer(), **{"inputs": X, "targets": TARGETS, "steps": 10, "seed": 0, **change})


def test_shifts_need_images_and_a_batch_needs_rows():
    strategy = make_strategy("one_device")
    vectors = trainer.Trainer(lambda seed: architectures.build("mlp", (4,), 2, seed),
                              keras.optimizers.Adam, 8, strategy)
    with pytest.raises(ValueError, match=r"max_shift=1 needs images.*\(9, 4\)"):
        train(vectors, np.zeros((9, 4)), np.eye(2)[np.zeros(9, int)], 1, 0, max_shift=1)
    with pytest.raises(ValueError, match="`batch_size` must be an integer of 1 or more. Received"):
        trainer.Trainer(None, None, 0, strategy)


def test_training_starts_from_given_weights():
    start = train(make_trainer(), X, TARGETS, 10, seed=0).weights
    still = make_trainer(optimizer="sgd:learning_rate=1e-12")
    again = train(still, X, TARGETS, 3, seed=5, start=start)
    for ours, theirs in zip(again.weights, start, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
