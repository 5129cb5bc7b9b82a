"""What a cell of the suite costs beside a bare training loop, and how near that is to the machine's
rate."""
from concurrent import futures
import functools
import itertools
import time
from typing import Callable

import keras
import numpy as np
import tensorflow as tf

from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.training import Training
from attacks.clone.transfer_set import TransferSet
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.queries.pools import Pools
from attacks.schedule.cell_runner import run_cell
from attacks.schedule.parallel import usable_cores
from attacks.targets.local import local_target
from benchmarks import bare
from benchmarks import comparison
from models import architectures
from models.data.dataset import Dataset
from models.data.splits import split
from models.inference import probabilities
from models.processes.strategy import make_strategy
from models.training.precision import fastest
from models.victim import train_victim
from models.victim import VictimConfig

SHAPE, CLASSES = (28, 28, 1), 10
ARCHITECTURE, BATCH, QUERIES = "mnist_cnn", 32, 1600
DEFENCE = "reverse_sigmoid:beta=1:gamma=.2"
# Those whose steps take a millisecond or two and less, and the shape of their inputs.
SMALL, SMALL_SHAPE = ("mlp", "digits_cnn"), (8, 8, 1)
# Those of MNIST, whose shape the data have, and of its test split; nothing depends on their values.
ROWS = (60_000, 10_000)
STEPS = 500
# Rows and columns of the matrices that the machine's rate is measured with, and how often it is.
SIZE, REPEATS = 2048, 5


def precisions() -> tuple[str, ...]:
    """float32, and what is fastest here if that is another."""
    return tuple(dict.fromkeys(("float32", fastest()[0])))


def cases(quick: bool) -> list[comparison.Case | comparison.Fact]:
    """All rows of this file."""
    steps, rows = (100, (6_000, 1_000)) if quick else (STEPS, ROWS)
    cell = functools.cache(functools.partial(WholeCell, steps=steps, rows=rows))
    # A repeat takes seconds: the least number of them is enough.
    whole = {"": (1.05, True)} if quick else {"": (1.05, True), "/loop": (None, False)}
    names = precisions()[-1:] if quick else precisions()
    return [
        *(comparison.Case(f"cell/training/{precision}", 1.05,
                          functools.partial(_training, precision, steps), 0.0)
          for precision in names),
        *(comparison.Case(f"cell/whole/{precision}{part}", limit,
                          functools.partial(_whole, cell, precision, also_passes), 0.0)
          for precision in names for part, (limit, also_passes) in whole.items()),
        *(comparison.Case(f"cell/at_once={number}/{precision}", None,
                          functools.partial(_at_once, precision, steps, number), 0.0)
          for precision in names for number in [max(2, min(usable_cores(), 8))]),
        *(comparison.Fact(f"rate/{precision}", None, "GFLOP/s",
                          functools.partial(_rates, precision))
          for precision in names),
        *(comparison.Case(f"step/{precision}", None, functools.partial(_step, precision), 0.0)
          for precision in names),
        *(comparison.Case(f"adam/{precision}", None, functools.partial(_adam, precision), 0.0)
          for precision in names),
        *(comparison.Fact(f"small/{architecture}/rate", None, "GFLOP/s",
                          functools.partial(_rates, "float32", architecture))
          for architecture in SMALL),
        *(comparison.Case(f"small/{architecture}/at_once={number}", None,
                          functools.partial(_small_at_once, architecture, steps, number), 0.0)
          for architecture in SMALL for number in [max(2, min(usable_cores(), 8))]),
        *(comparison.Case(f"small/{architecture}/jit", None,
                          functools.partial(_small, architecture, steps), 0.0)
          for architecture in SMALL),
    ]  # yapf: disable


def _training(precision, steps):
    inputs, targets = random_rows(QUERIES)
    loop = bare.loop(build(precision), BATCH, steps, inputs, targets)
    return training(make_recipe(precision, steps), inputs, targets), comparison.repeat_once(loop)


def _at_once(precision, steps, number):
    return _together(make_recipe(precision, steps), SHAPE, number)


def _small_at_once(architecture, steps, number):
    return _together(Recipe(architecture, batch_size=BATCH, steps=steps), SMALL_SHAPE, number)


def _together(recipe, shape, number):
    """Several clones trained at once, per clone, against one alone."""
    rows = random_rows(QUERIES, shape)
    alone, *each = [training(recipe, *rows) for _ in range(number + 1)]

    def together():
        start = time.perf_counter()
        with futures.ThreadPoolExecutor(number) as threads:
            list(threads.map(lambda repeat: repeat(), each))
        return (time.perf_counter() - start) / number

    return together, alone


def _whole(make_cell, precision, also_passes):
    cell = make_cell(precision)
    parts = [cell.bare_loop(), *([cell.bare_passes()] if also_passes else [])]
    other = comparison.repeat_once(lambda: [part() for part in parts])
    return comparison.repeat_once(cell.steal), other


def _step(precision):
    """A step of the bare loop, and its convolutions and matrix products alone."""
    model, steps = build(precision), bare.STEPS_PER_CALL
    train = bare.loop(model, BATCH, steps, *random_rows(QUERIES))
    multiply = bare.products(model, BATCH)
    loops = train, lambda: [multiply() for _ in range(steps)]
    return [_each_of(comparison.repeat_once(loop), steps) for loop in loops]


def _adam(precision):
    """A step of the bare loop, and one with Keras' own Adam."""
    steps, rows = bare.STEPS_PER_CALL, random_rows(QUERIES)
    loops = [bare.loop(build(precision), BATCH, steps, *rows, make)
             for make in (None, keras.optimizers.Adam)]  # yapf: disable
    return [_each_of(comparison.repeat_once(loop), steps) for loop in loops]


def _each_of(repeat, steps):
    return lambda: repeat() / steps


def _rates(precision, architecture=""):
    """The rates of training and of multiplying matrices, in 10^9 operations a second."""
    model, steps = build(precision, architecture), bare.STEPS_PER_CALL
    rows = random_rows(QUERIES, model.input_shape[1:])
    train = comparison.repeat(bare.loop(model, BATCH, steps, *rows))
    dtype = keras.DTypePolicy(precision).compute_dtype
    left, right = tf.unstack(
        tf.cast(tf.random.stateless_uniform((2, SIZE, SIZE), seed=(1, 2)), dtype))
    multiply = comparison.repeat(lambda: tf.matmul(left, right)[0, 0].numpy())
    # The fastest of a few: what disturbs them makes them slower only.
    trained, multiplied = (min(repeat() for _ in range(REPEATS)) for repeat in (train, multiply))
    operations = BATCH * steps * bare.training_operations(model)
    return operations / trained / 1e9, 2 * SIZE**3 / multiplied / 1e9


def _small(architecture, steps):
    """Training of a small clone with XLA and without."""
    recipes = [
        Recipe(architecture, batch_size=BATCH, steps=steps, jit=jit) for jit in (True, False)
    ]
    return [training(recipe, *random_rows(QUERIES, SMALL_SHAPE)) for recipe in recipes]


def build(precision: str, architecture: str = "") -> keras.Model:
    """The clone, or one for small inputs."""
    shape = SMALL_SHAPE if architecture else SHAPE
    return architectures.build(architecture or ARCHITECTURE, shape, CLASSES, 1, precision=precision)


def random_rows(rows: int, shape: tuple[int, ...] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and targets with a label each."""
    rng = np.random.default_rng(rows)
    labels = np.eye(CLASSES, dtype=np.float32)[rng.integers(CLASSES, size=rows)]
    return rng.random((rows, *shape), np.float32), labels


def make_recipe(precision: str, steps: int) -> Recipe:
    """How the suite trains it."""
    return Recipe(ARCHITECTURE, batch_size=BATCH, steps=steps, precision=precision)


def training(recipe: Recipe, inputs: np.ndarray, targets: np.ndarray) -> comparison.Repeat:
    """The suite's training of a clone, each time with another seed."""
    trainer = CloneTrainer(inputs.shape[1:], CLASSES, make_strategy("one_device"))
    seeds, transfer_set = itertools.count(), TransferSet(inputs, targets, targets)

    def train(steps=recipe.steps):
        trainer.train(Training(recipe, transfer_set, next(seeds), steps))

    train(recipe.count_steps(epochs=1, rows=len(inputs)))
    return comparison.repeat_once(train)


class WholeCell:
    """A cell as a run does it, and the least that anyone has to compute for its figures.

    The data have the shape of MNIST. Its victim has learnt nothing, which takes as long to ask.

    Args:
        precision: Of the clone.
        steps: Its steps.
        rows: Rows of the data, and of their test split.
    """

    def __init__(self, precision: str, steps: int, rows: tuple[int, int]):
        self._precision, self._steps = precision, steps
        strategy = make_strategy("one_device")
        (x, y), (test_x, test_y) = map(random_rows, rows)
        data = Dataset("noise", x, y.argmax(1), CLASSES, (0.0, 1.0), test_x, test_y.argmax(1))
        self._splits = split(data, 0)
        self._victim = train_victim(VictimConfig(ARCHITECTURE, steps=1), data, self._splits,
                                    strategy)
        self._pools = Pools(self._splits.pool.x, data.input_range)
        self._budget = min(QUERIES, len(self._pools.own))
        self._target = local_target(self._victim, self._splits, data.input_range, epsilon=0.25)
        self._workshop = Workshop(make_recipe(precision, steps),
                                  CloneTrainer(SHAPE, CLASSES, strategy))
        self._seeds = itertools.count()
        self._compile()

    def _compile(self):
        rows = self._pools.own[:BATCH]
        transfer_set = TransferSet(rows, *[probabilities(self._victim.model, rows)] * 2)
        training = Training(self._workshop.recipe, transfer_set, next(self._seeds), steps=1)
        self._target.evaluator.measure(self._workshop.train(training), DEFENCE, rows)

    def steal(self) -> dict:
        """The record of a cell; each time that of another seed."""
        cell = Cell(DEFENCE, "sample", "labels", self._budget, next(self._seeds))
        return run_cell(cell, self._pools, self._target, self._workshop, None)

    def bare_loop(self) -> Callable[[], None]:
        """The bare loop over as many rows."""
        rows = self._pools.own[:self._budget]
        targets = probabilities(self._victim.model, rows)
        return bare.loop(build(self._precision), BATCH, self._steps, rows, targets)

    def bare_passes(self) -> Callable[[], None]:
        """The passes that its figures need."""
        return bare.passes(build(self._precision), self._victim.model,
                           self._pools.own[:self._budget], self._splits.evaluation.x,
                           self._splits.test)
