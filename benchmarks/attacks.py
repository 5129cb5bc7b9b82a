"""Measures what the suite costs: whole cells, thieves, rounds of synthetic inputs, recovery, growth
and start.

  python -m benchmarks.attacks [--quick] [--json=FILE] [--peer_python=PATH] [--only=REGEX]

benchmarks/README.md says what each row means. A row above its limit is marked, and is no error.
"""
import contextlib
import functools
import time

from absl import flags
import numpy as np
import tensorflow as tf

from attacks.adversaries.bayes import Bayes
from attacks.adversaries.recovery.simulation import pairs_of_dirichlet
from attacks.clone.memory import Memory
from benchmarks import cells
from benchmarks import comparison
from benchmarks import growth
from benchmarks import startup
from benchmarks import thieves
import benchmarks.flags
from benchmarks.peer import Peer
from models import architectures
from models.gradients import input_gradients
from revsig_keras.cli import program
from revsig_keras.defences.catalogue import make_defence

POINTS, ANSWERS = 1000, 10_000
# What recovery may take on two cores.
RECOVERY_SECONDS = 60.0


def main(values=flags.FLAGS):
    config = benchmarks.flags.make_config(values)
    with contextlib.ExitStack() as stack:
        peer = None
        if config.peer_python is not None:
            peer = stack.enter_context(Peer(config.peer_python, "art_thieves.py"))
        comparison.run(all_cases(config.quick, stack, peer), config, peer=peer and peer.about)


def all_cases(quick: bool,
              stack: contextlib.ExitStack,
              peer: Peer | None = None) -> list[comparison.Case | comparison.Fact]:
    """All that is measured, in order; `stack` ends what it needs."""
    return [
        *cells.cases(quick),
        *thieves.cases(quick, stack, peer),
        *synthesis_cases(quick),
        *growth.cases(quick, stack),
        *startup.cases(quick),
    ]


def synthesis_cases(quick: bool) -> list[comparison.Case | comparison.Fact]:
    """A Jacobian round, and recovery from simulated pairs."""
    pairs = 100_000 if quick else 1_000_000
    return [
        *(comparison.Case(f"jacobian/points={POINTS}/{other}", limit,
                          functools.partial(_jacobian, other), 3.0 if quick else 20.0)
          for other, limit in (("eager", 0.05), ("compiled", None))),
        comparison.Fact(f"recover/bayes/pairs={pairs}", 1.0, "s",
                        functools.partial(_recovery, pairs)),
    ]  # yapf: disable


def _jacobian(other):
    """The gradients of a round, against as many backward passes for a point as there are classes,
    or one; both for one point, of which the other side is timed."""
    model = architectures.build("mnist_cnn", cells.SHAPE, cells.CLASSES, seed=1)
    points = np.random.default_rng(0).random((POINTS, *cells.SHAPE), np.float32)
    labels = np.arange(POINTS) % cells.CLASSES
    by_point = every_class(model) if other == "eager" else one_class(model)

    def ours(calls):
        start = time.perf_counter()
        for _ in range(calls):
            input_gradients(model, points, labels)
        return (time.perf_counter() - start) / calls / POINTS

    return (comparison.repeat_elsewhere(ours),
            comparison.repeat(lambda: by_point(points[:1], labels[0])))


def every_class(model):
    """A function that takes an eager backward pass for each class, as peers do."""

    def gradient(point, label):
        x = tf.constant(point)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            logits = model(x, training=False)
            scores = [logits[0, k] for k in range(cells.CLASSES)]
        return [tape.gradient(score, x) for score in scores][label].numpy()

    return gradient


def one_class(model):
    """A function that takes one compiled backward pass, that of the label."""
    return lambda point, label: input_gradients(model, point, np.array([label]))


def _recovery(pairs):
    """Seconds to simulate pairs, to index them, and to recover answers that are none of them."""
    layer = make_defence(cells.DEFENCE)
    start = time.perf_counter()
    simulated = pairs_of_dirichlet(layer, cells.CLASSES, pairs)
    recover = Bayes().undo(simulated, layer, seed=0, memory=Memory())
    begun = time.perf_counter() - start
    others = pairs_of_dirichlet(layer, cells.CLASSES, pairs + ANSWERS)
    start = time.perf_counter()
    recover(others.answers[-ANSWERS:])
    return begun + time.perf_counter() - start, RECOVERY_SECONDS


if __name__ == "__main__":
    benchmarks.flags.define_flags()
    flags.adopt_module_key_flags(benchmarks.flags)
    program.run(main)
