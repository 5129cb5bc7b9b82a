"""Learning-rate schedules: their factors, over runs of different lengths."""
import math

import numpy as np
import pytest

from models.processes.strategy import make_strategy
from models.training import trainer
from models.training.optimizers import OPTIMIZERS
from models.training.schedules import check_schedule
from models.training.schedules import Schedule
from tests.models.training.trainers import build
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X
from tests.tables import some_quick


@pytest.mark.parametrize("name, steps, factors", [
    ("step", 8, [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]),
    ("cosine", 4, [(1 + math.cos(math.pi * step / 4)) / 2 for step in range(4)]),
])
def test_the_rate_of_each_step(name, steps, factors):
    schedule = Schedule(0.5, name)
    schedule.steps.assign(steps)
    rates = [float(schedule(step)) for step in range(steps)]
    np.testing.assert_allclose(rates, 0.5 * np.array(factors), rtol=1e-6)


@pytest.mark.parametrize("replicas", some_quick(["one_device", "mirrored"], ["one_device"]))
def test_a_schedule_is_stretched_over_each_run(replicas):
    """A trainer that has done a longer run does a shorter one as a new trainer does."""

    def make(schedule):
        return trainer.Trainer(build, lambda: OPTIMIZERS.make("sgd"), 16, make_strategy(replicas),
                               schedule=schedule)  # yapf: disable

    used, constant = make("cosine"), make("constant")
    train(used, X, TARGETS, 40, seed=1)
    again, wanted = (train(each, X, TARGETS, 20, seed=1) for each in (used, make("cosine")))
    np.testing.assert_array_equal(weights(again), weights(wanted))
    assert np.abs(weights(train(constant, X, TARGETS, 20, seed=1)) - weights(again)).max() > 1e-3


def test_other_schedules_are_refused():
    with pytest.raises(ValueError, match="`schedule` must be one of constant, step, cosine"):
        check_schedule("linear")
