"""Attacks with substitutes, real or made up, observed round by round."""
import dataclasses
import types

import numpy as np

from attacks.queries.pools import Pools
from models import architectures
from models.seeds import derive
from tests.attacks import thieves

CLASSES = 4
_WEIGHTS = np.random.default_rng(11).normal(size=(64, CLASSES))


def classify(inputs):
    """A victim of four classes for inputs of 64 values, with more than one label among them."""
    scores = 2 * (np.asarray(inputs, np.float64).reshape(len(inputs), -1) - 0.5) @ _WEIGHTS
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def vectors(rows=300, low=0.0, high=1.0):
    """Pools of vectors, which are not images."""
    values = np.random.default_rng(5).random((rows, 64), np.float32)
    return Pools(np.float32(low + (high - low) * (0.1 + 0.8 * values)), (low, high))


def seeds(pools, count, seed=0):
    """The first rows of the pool in the order in which `Sample` queries them."""
    order = np.random.default_rng(derive(seed, "queries")).permutation(len(pools.own))
    return pools.own[order[:count]]


@dataclasses.dataclass
class Round:
    """The queried inputs at the start of a round, and its result."""
    held: np.ndarray
    labels: np.ndarray
    epochs: int
    fresh: bool
    substitute: object
    calls: list = dataclasses.field(
        default_factory=list)  # of `gradients`: inputs, classes, of, result
    asked: np.ndarray | None = None


def watch(attack,
          budget,
          substitute=None,
          pools=None,
          predict=classify,
          classes=CLASSES,
          **options):
    """The thief after an attack, and its rounds. Fails if a row is sent to the victim twice.

    Args:
        substitute: A function from inputs, classes and the name of a score to gradients. It
            replaces those of trained substitutes.
    """
    sent, rounds = [], []

    def counted(inputs):
        sent.append(len(inputs))
        assert sum(sent) <= budget  # Each point is sent once.
        return predict(inputs)

    thief, oracle = thieves.make_thief(budget,
                                       predict=counted,
                                       pools=pools or vectors(),
                                       num_classes=classes,
                                       **options)
    train = thief.substitute

    def watched(epochs, fresh=False):
        made = made_up(substitute) if substitute else train(epochs, fresh)
        began = Round(thief.inputs, thief.targets.argmax(axis=1), epochs, fresh, made)

        def recorded(inputs, classes, of="logit"):
            result = made.gradients(inputs, classes, of=of)
            began.calls.append((inputs, classes, of, result))
            return result

        rounds.append(began)
        return types.SimpleNamespace(probabilities=made.probabilities, gradients=recorded)

    thief.substitute = watched
    attack.check(budget, thief.pools)
    attack.steal(thief)
    for began, ended in zip(rounds, [len(began.held) for began in rounds[1:]] + [None]):
        began.asked = thief.inputs[len(began.held):ended]
    assert sum(sent) == oracle.queries_used == len(thief.inputs) == len(thief.targets)
    return thief, rounds


def made_up(gradients):
    """A substitute for which class 3 is always the likeliest, then 1, 2 and 0."""
    row = np.float32([0.1, 0.3, 0.2, 0.4])
    return types.SimpleNamespace(gradients=gradients,
                                 probabilities=lambda inputs: np.tile(row, (len(inputs), 1)))


def noise():
    """Gradients that differ from call to call, so that all points differ."""
    rng = np.random.default_rng(2)
    return lambda inputs, classes, of: rng.normal(size=inputs.shape).astype(np.float32)


def model_of(round_, shape=(64,)):
    """A separate model with the weights of a round's substitute."""
    model = architectures.build("mlp", shape, CLASSES, seed=0)
    model.set_weights(round_.substitute.weights)
    return model


def nearest(points, expected):
    """For each point the index of the nearest expected one, and the largest of the distances."""
    distances = np.stack(
        [np.abs(expected - point).reshape(len(expected), -1).max(axis=1) for point in points])
    return distances.argmin(axis=1), distances.min(axis=1).max()
