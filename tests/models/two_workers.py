"""The program of each of two workers in `test_workers.py`; prints its findings as JSON."""
import json
import pathlib
import sys

import keras
import numpy as np

from models.processes.preemption import Preemption
from models.processes.workers import join
from models.training.checkpoints import Checkpoint
from models.training.early_stopping import EarlyStopping
from models.training.learner import Learner
from models.training.objective import Objective
from tests.models.training.trainers import build
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X


class Loss(Objective):
    """Losses on held-out rows that differ between the workers."""

    def __init__(self, losses):
        self._losses = iter(losses)

    def held_out_loss(self, logits, targets, variables):
        return next(self._losses)


def error_of(function, *arguments):
    try:
        function(*arguments)
    except ValueError as error:
        return str(error)
    return None


def stop_and_go_on(directory, workers, trainer):
    """A training in which the worker who is not the chief gets SIGTERM after 50 steps."""
    counts, preemption = [], Preemption()
    checkpoint = Checkpoint(directory, 1000, workers, preemption)

    def progress(steps):
        counts.append(steps)
        preemption.has_come = not workers.is_chief and len(counts) == 1

    whole = weights(train(trainer, X, TARGETS, 170, seed=1))
    try:
        train(trainer, X, TARGETS, 170, seed=1, checkpoint=checkpoint, progress=progress)
    except SystemExit as stop:
        counts.append(stop.code)
    preemption.has_come = False
    again = train(trainer, X, TARGETS, 170, seed=1, checkpoint=checkpoint, progress=counts.append)
    return counts, bool(np.array_equal(weights(again), whole))


def main(directory):
    workers = join("multi_worker", 16)
    mine = "chief" if workers.is_chief else "other"
    shared = pathlib.Path(directory, "shared")
    if workers.is_chief:
        shared.mkdir()
        pathlib.Path(directory, mine).mkdir()
    array = np.float32([[1, -0.5], [3, 1e-20]]) if workers.is_chief else np.zeros((5, 5))
    found = {
        "count": workers.count,
        "is_chief": workers.is_chief,
        "agreed": workers.agree({"cells": ["ä", 1.5, None]} if workers.is_chief else "mine"),
        "array": workers.agree_array(array).tolist(),
        "any": workers.any(workers.is_chief, False, True, not workers.is_chief),
        "shared": error_of(workers.check_shared, shared),
        "not shared": error_of(workers.check_shared, pathlib.Path(directory, mine)),
        "equal": error_of(workers.check_equal, {"a": (1, 2)}),
        "not equal": error_of(workers.check_equal, {
            "a": 1,
            "b": mine
        }),
    }
    for optimizer in ("adam", "sgd:learning_rate=0.1"):
        trainer = make_trainer(optimizer=optimizer, batch_size=15, strategy=workers.strategy)
        trained = train(trainer, X, TARGETS, 20, seed=1, max_shift=2)
        np.save(pathlib.Path(directory, f"{optimizer[:3]}-{mine}.npy"), weights(trained))
    objective = Loss([3, 2, 2, 2, 2] if workers.is_chief else [9, 8, 7, 6, 5])
    learner = Learner(build, keras.optimizers.Adam, objective, workers.strategy, seed=0)
    stopper = EarlyStopping(learner, (X, TARGETS), 3, workers)
    found["stops"] = [stopper.stops() for _ in range(5)]
    found["stopped"] = stop_and_go_on(pathlib.Path(directory, "kept"), workers, trainer)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
