"""The training loop: the same model whatever the replicas, and whatever was trained before."""
import dataclasses
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import architectures
from models.inference import cross_entropy
from models.inference import predict
from models.processes.strategy import make_strategy
from models.training import run
from models.training import trainer
from models.training.batches import Batches
from models.training.loop import compile_loop
from models.training.objective import Objective
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan

SHAPE, CLASSES = (6, 6, 1), 3
RNG = np.random.default_rng(0)
X = RNG.random((70, *SHAPE), "float32")
TARGETS = RNG.dirichlet(np.ones(CLASSES), 70).astype("float32")


def build(seed, architecture="mlp"):
    return architectures.build(architecture, SHAPE, CLASSES, seed)


def make_trainer(replicas=1, architecture="mlp", optimizer="adam", batch_size=16, strategy=None):
    strategy = strategy or make_strategy("mirrored" if replicas > 1 else "one_device")
    return trainer.Trainer(lambda seed: build(seed, architecture),
                           lambda: OPTIMIZERS.make(optimizer), batch_size, strategy)


PLANNED = {field.name for field in dataclasses.fields(TrainingPlan)}


def weights(trained):
    return np.concatenate([weight.ravel() for weight in trained.weights])


def train(shared, inputs, targets, steps, seed, **options):
    """Trains with a plan of these options; the others are those of `Trainer.train`."""
    planned = {name: options.pop(name) for name in PLANNED & options.keys()}
    return shared.train(TrainingPlan(inputs, targets, steps, seed, **planned), **options)


@pytest.mark.parametrize("optimizer", ["adam", "sgd:learning_rate=0.1"])
@pytest.mark.parametrize("batch_size", [16, 15, 1])
def test_replicas_train_the_same_model(optimizer, batch_size):
    one, two = (make_trainer(replicas, "mlp", optimizer, batch_size) for replicas in (1, 2))
    for max_shift in (0, 2):
        runs = [train(each, X, TARGETS, 20, seed=1, max_shift=max_shift) for each in (one, two)]
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


@pytest.mark.parametrize("replicas", [1, 2])
def test_every_run_starts_afresh(replicas):
    """With dropout, whose random state is one of the things to start afresh."""
    used, new = (make_trainer(replicas, "mnist_cnn") for _ in range(2))
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


def test_large_inputs_are_fed_in_smaller_parts_with_the_same_outcome(monkeypatch):
    counts, shared = [], make_trainer(architecture="mnist_cnn")
    whole = weights(train(shared, X, TARGETS, 60, 0, max_shift=1))
    monkeypatch.setattr(run, "_BYTES_PER_CALL", 20 * 16 * 36 * 4)
    parts = train(shared, X, TARGETS, 60, 0, max_shift=1, progress=counts.append)
    assert counts == [20, 20, 10, 10] and 0 <= parts.input_seconds <= parts.seconds
    np.testing.assert_array_equal(weights(parts), whole)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("precision, atol", [("mixed_bfloat16", 0.02), ("mixed_float16", 0.02)])
def test_lower_precision_trains_almost_the_same_model(replicas, precision, atol):
    """Variables stay float32. What Adam does at first is all but the sign of the gradient, so plain
    gradient descent is compared, in which rounding stays small."""

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


def test_gradients_that_float16_cannot_hold_are_not_lost():
    """Each is about 1e-9, below float16's smallest number, unless the loss is scaled."""

    class Faint(Objective):

        def losses(self, *arguments):
            return super().losses(*arguments) * 1e-7

    def change(precision):

        def build(seed):
            return architectures.build("mlp", SHAPE, CLASSES, seed, precision)

        shared = trainer.Trainer(build, lambda: keras.optimizers.SGD(1e6), 16,
                                 make_strategy("one_device"), Faint())
        kernel = train(shared, X, TARGETS, 1, 0).weights[0]
        return kernel - build(0).get_weights()[0]

    wanted = change("float32")
    np.testing.assert_allclose(change("mixed_float16"),
                               wanted,
                               rtol=0,
                               atol=np.abs(wanted).max() / 50)


def test_waiting_for_batches_is_measured(monkeypatch):
    take = Batches.take

    def slowly(batches, steps):
        time.sleep(0.2)
        return take(batches, steps)

    monkeypatch.setattr(Batches, "take", slowly)
    trained = train(make_trainer(), X, TARGETS, 10, 0)
    assert 0.2 <= trained.input_seconds <= trained.seconds


@pytest.mark.parametrize("replicas", [1, 2])
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


def is_compiled_by_xla(function):
    library = function.graph.as_graph_def().library.function
    return any(part.attr["_XlaMustCompile"].b for part in library)


def test_early_stopping_gives_back_the_best():
    """With held-out targets that contradict the training, so that it soon gets worse."""
    contrary = np.roll(TARGETS, 1, axis=1)
    shared = make_trainer(optimizer="adam:learning_rate=0.01")
    losses = []
    stopped = train(
        shared,
        X,
        TARGETS,
        1000,
        0,
        held_out=(X, contrary),
        patience=3,
        watch_at=range(50, 1001, 50),
        watch=lambda model, step: losses.append(cross_entropy(predict(model, X), contrary)))
    assert stopped.steps == 50 * (np.argmin(losses) + 1 + 3) < 1000
    assert cross_entropy(shared.predict(stopped.weights, X), contrary) == min(losses)


def test_early_stopping_leaves_a_run_that_improves_alone():
    shared = make_trainer(optimizer="sgd:learning_rate=0.001")
    plain = weights(train(shared, X, TARGETS, 70, 0))
    with_check = train(shared, X, TARGETS, 70, 0, held_out=(X, TARGETS), patience=1)
    assert with_check.steps == 70
    np.testing.assert_array_equal(weights(with_check), plain)


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


class Moved(Objective):
    """The cross-entropy of logits, one of which is moved by a number that is learned."""

    def make_variables(self):
        return [tf.Variable(0.0, name="own")]

    def learned(self, variables):
        return {"own": float(variables[0].numpy())}

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        logits += variables[0] * tf.constant([1.0, 0.0, 0.0])
        return tf.nn.softmax_cross_entropy_with_logits(batch.targets, logits)


SKEWED = np.tile(np.float32([0.8, 0.1, 0.1]), (70, 1))


def moved_trainer():
    return trainer.Trainer(build, lambda: keras.optimizers.SGD(0.1), 16,
                           make_strategy("one_device"), Moved())


def test_the_variables_of_an_objective_are_trained_and_start_afresh():
    shared = moved_trainer()
    first, other, again = (train(shared, X, SKEWED, steps, 1).learned for steps in (40, 5, 40))
    assert first == again and 0 < other["own"] < first["own"]


def test_early_stopping_gives_back_the_variables_of_the_objective_too():
    """They are those of the step whose model is given back."""
    shared, contrary = moved_trainer(), np.roll(SKEWED, 1, axis=1)
    stopped = train(shared, X, SKEWED, 1000, 1, held_out=(X, contrary), patience=2)
    assert stopped.steps < 1000
    learned, model = stopped.learned, weights(stopped)
    best = train(shared, X, SKEWED, stopped.steps - 2 * run.STEPS_PER_CALL, 1)
    assert best.learned == learned
    np.testing.assert_array_equal(weights(best), model)


def test_training_goes_on_from_weights_that_are_given():
    start = train(make_trainer(), X, TARGETS, 10, seed=0).weights
    still = make_trainer(optimizer="sgd:learning_rate=1e-12")
    again = train(still, X, TARGETS, 3, seed=5, start=start)
    for ours, theirs in zip(again.weights, start, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


class TenTimes(Objective):
    """The mean logit, which counts ten times where there is no label."""

    def losses(self, model, batch, variables):
        logits = tf.cast(model(batch.shifted, training=True), "float32")
        is_labelled = tf.reduce_sum(batch.targets, axis=1) > 0.5
        return tf.where(is_labelled, 1.0, 10.0) * tf.reduce_mean(logits, axis=1)


@pytest.mark.parametrize("replicas", [1, 2])
def test_each_step_has_a_batch_of_labelled_and_one_of_unlabelled_rows(replicas):
    """The mean loss of each kind counts once, however many rows and replicas there are."""

    def build(seed):
        inputs = keras.Input(SHAPE)
        logits = keras.layers.Dense(CLASSES, kernel_initializer="zeros", name="logits")
        return keras.Model(inputs, logits(keras.layers.Flatten()(inputs)))

    shared = trainer.Trainer(build, lambda: keras.optimizers.SGD(1.0), 16,
                             make_strategy("mirrored" if replicas > 1 else "one_device"),
                             TenTimes())
    trained = train(shared, X, TARGETS, 1, 0, unlabelled=X[:23])
    bias = trained.weights[-1]
    np.testing.assert_allclose(bias, -(1 + 10) / CLASSES, rtol=1e-5)
