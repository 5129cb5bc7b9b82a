"""Moving averages of batch normalisation are trained, kept and started afresh like weights."""
import keras
import numpy as np
import pytest

from models.architectures import Architecture
from models.architectures import ARCHITECTURES
from models.inference import predict
from models.processes.preemption import Preemption
from models.processes.strategy import make_strategy
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint
from tests.models.training.trainers import build
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import new_trainer
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X

SGD = "sgd:learning_rate=0.1:momentum=0"


class Normed(Architecture):
    """A small network with batch normalisation and dropout."""

    def __init__(self, rate: float = 0.0):
        self.rate = rate

    def features(self, inputs, layers):
        x = layers.dense(6)(layers.flatten()(inputs))
        x = layers.batch_norm(momentum=0.8)(x)
        return layers.dropout(self.rate)(layers.relu()(x))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    factories = {**ARCHITECTURES._factories, "normed": Normed}
    monkeypatch.setattr(ARCHITECTURES, "_factories", factories)


def test_the_averages_are_those_of_the_batches_and_inference_uses_them():
    shared = make_trainer(1, "normed", SGD, batch_size=len(X))
    trained = train(shared, X, TARGETS, 1, seed=3)
    model = build(3, "normed")
    hidden = predict(keras.Model(model.input, model.layers[2].output), X)
    paths = [weight.path.split("/")[1] for weight in model.weights]
    mean, variance = (
        trained.weights[paths.index(f"moving_{name}")] for name in ("mean", "variance"))
    np.testing.assert_allclose(mean, .2 * hidden.mean(axis=0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(variance, .8 + .2 * hidden.var(axis=0), rtol=1e-5)
    model.set_weights(trained.weights)
    logits = shared.predict(trained.weights, X)
    np.testing.assert_allclose(logits, model(X, training=False), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits[:3],
                               shared.predict(trained.weights, X[:3]),
                               rtol=1e-5,
                               atol=1e-6)


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_steps_are_those_of_a_plain_loop(jit):
    """In training mode, with the statistics of the batch."""
    shared = make_trainer(1, "normed", SGD, batch_size=len(X))
    shared._jit = jit
    trained = train(shared, X, TARGETS, 5, seed=3)
    model = build(3, "normed")
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    model.fit(X, TARGETS, batch_size=len(X), epochs=5, verbose=0)
    for ours, theirs in zip(trained.weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_replicas_normalise_by_the_whole_batch():
    one, two = (make_trainer(replicas, "normed", SGD) for replicas in (1, 2))
    runs = [train(each, X, TARGETS, 20, seed=1) for each in (one, two)]
    np.testing.assert_allclose(weights(runs[0]), weights(runs[1]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("replicas", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_run_starts_from_new_averages(replicas):
    used, new = (new_trainer(replicas, "normed:rate=.5") for _ in range(2))
    train(used, X + 5, TARGETS, 30, seed=1)
    again, wanted = (train(each, X, TARGETS, 30, seed=2) for each in (used, new))
    np.testing.assert_array_equal(weights(again), weights(wanted))


def test_early_stopping_restores_the_averages_of_the_best_step():
    """The loss on these held-out rows grows from the first measurement on."""
    held_out = X, np.roll(TARGETS, 1, axis=1)
    stopped = train(make_trainer(1, "normed"), X, TARGETS, 400, 3, held_out=held_out, patience=2)
    assert stopped.steps < 400
    best = stopped.steps - 100
    wanted = train(make_trainer(1, "normed"), X, TARGETS, best, 3)
    np.testing.assert_allclose(weights(stopped), weights(wanted), rtol=0, atol=1e-6)


def test_a_stopped_training_resumes_with_its_averages(tmp_path):
    shared = make_trainer(1, "normed:rate=.5")
    whole = weights(train(shared, X, TARGETS, 120, 3))
    workers = Workers(make_strategy("one_device"))
    checkpoint = Checkpoint(tmp_path, 0, workers, Preemption())

    def stop(steps):
        raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            train(shared, X, TARGETS, 120, 3, checkpoint=checkpoint, progress=stop)
    counts = []
    resumed = train(new_trainer(1, "normed:rate=.5"),
                    X,
                    TARGETS,
                    120,
                    3,
                    checkpoint=checkpoint,
                    progress=counts.append)
    assert counts[0] >= 50
    np.testing.assert_array_equal(weights(resumed), whole)
