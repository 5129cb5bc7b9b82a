"""Trainings of small clones, for several test files."""
import functools

import numpy as np

from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.training import Training
from attacks.clone.transfer_set import TransferSet
from models.processes.strategy import make_strategy

INPUTS = np.random.default_rng(0).random((60, 6), np.float32)
TARGETS = np.eye(3, dtype=np.float32)[INPUTS[:, :3].argmax(axis=1)]
TRANSFER_SET = TransferSet(INPUTS, TARGETS, TARGETS)


def new_trainer(input_shape=(6,)):
    return CloneTrainer(input_shape, 3, make_strategy("one_device"))


# One for all tests, since a trainer compiles for a second, and each of its trainings starts afresh.
make_trainer = functools.cache(new_trainer)


def make_training(transfer_set=TRANSFER_SET, seed=0, epochs=None, **options):
    """A training; options that are not fields of `Training` are those of the recipe."""
    fields = {
        name: options.pop(name)
        for name in ("objective", "start", "unlabelled", "unlabelled_shift")
        if name in options
    }
    recipe = Recipe(**{"architecture": "mlp", "steps": 20, **options})
    steps = recipe.count_steps(epochs, len(transfer_set)) if epochs else recipe.steps
    return Training(recipe, transfer_set, seed, steps, **fields)


def first(rows):
    """The first rows of the transfer set."""
    return TRANSFER_SET.part(np.arange(rows))


def weights(clone):
    """All weights of a clone in one vector."""
    return np.concatenate([weight.ravel() for weight in clone.weights])
