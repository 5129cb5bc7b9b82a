"""Processes that train together agree, and train the model that one process would."""
import json

import numpy as np
import pytest

from models.processes.strategy import make_strategy
from models.processes.workers import join
from models.processes.workers import Workers
from tests.cluster import start_workers
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The findings of two workers, the chief first, and the directory of their weights."""
    directory = tmp_path_factory.mktemp("two")
    processes = start_workers(2, "tests.models.two_workers", directory)
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    return [json.loads(out.splitlines()[-1]) for out, _ in outputs], directory


@pytest.mark.parametrize("optimizer", ["adam", "sgd:learning_rate=0.1"])
def test_two_workers_train_the_model_of_one_device(two, optimizer):
    trainer = make_trainer(optimizer=optimizer, batch_size=15)
    one = train(trainer, X, TARGETS, 20, 1, max_shift=2)
    chiefs, others = (np.load(two[1] / f"{optimizer[:3]}-{who}.npy") for who in ("chief", "other"))
    np.testing.assert_array_equal(chiefs, others)
    np.testing.assert_allclose(chiefs, weights(one), rtol=0, atol=1e-5)


def test_all_have_what_the_chief_has(two):
    chief, other = two[0]
    for found in (chief, other):
        assert found["count"] == 2
        assert found["agreed"] == {"cells": ["ä", 1.5, None]}
        np.testing.assert_array_equal(np.float32(found["array"]), np.float32([[1, -0.5], [3,
                                                                                          1e-20]]))
        assert found["any"] == [True, False, True, True]
        assert found["stops"] == [False, False, False, False, True]
    assert chief["is_chief"] and not other["is_chief"]


def test_all_end_when_one_is_asked_to_and_go_on_from_what_the_chief_kept(two):
    for found in two[0]:
        assert found["stopped"] == [[50, 143, 100, 50, 20], True]


def test_what_must_be_the_same_is_compared_on_all(two):
    chief, other = two[0]
    for found in (chief, other):
        assert found["shared"] is found["equal"] is None
        assert "must be one directory that all workers see. Received: " in found["not shared"]
    assert other["not equal"].endswith("Received: b is other here, chief for the chief")
    assert chief["not equal"].endswith("Received: others, which those workers name")
    assert not list((two[1] / "shared").iterdir())


def test_one_process_agrees_with_itself(tmp_path):
    workers = Workers(make_strategy("mirrored"))
    assert workers.count == 1 and workers.is_chief
    assert workers.agree(X) is workers.agree_array(X) is X
    assert workers.any(True, False) == [True, False]
    workers.check_equal({"a": 1})
    workers.check_shared(tmp_path / "nothing")


def test_the_choice_of_auto_is_logged_once_it_is_used(caplog):
    caplog.set_level("INFO", "models")
    workers = join("auto", 32)
    assert not caplog.messages
    with workers:
        choice, = caplog.messages
    assert choice.startswith("distribution=auto: one_device, as there is ")
    with join("mirrored", 32) as workers:
        assert workers.strategy.num_replicas_in_sync > 1
    assert len(caplog.messages) == 1
    with pytest.raises(ValueError, match="`distribution` must be one of auto, .*Received: 'tow'"):
        join("tow", 32)
