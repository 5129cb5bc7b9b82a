"""Strategies by name, on a machine with two CPU devices."""
import json

import pytest
import tensorflow as tf

from models.processes import strategy

has_gpu = bool(tf.config.list_physical_devices("GPU"))


@pytest.mark.skipif(has_gpu, reason="this is what happens without a GPU")
@pytest.mark.parametrize("name, replicas", [("one_device", 1), ("mirrored", 2)])
def test_replicas(name, replicas):
    assert strategy.make_strategy(name).num_replicas_in_sync == replicas


def test_one_mirrored_strategy_per_process():
    assert strategy.make_strategy("mirrored") is strategy.make_strategy("mirrored")


@pytest.mark.parametrize("gpus, rows, name, reason", [
    (0, 4096, "one_device", "there is no GPU"),
    (1, 4096, "one_device", "there is one GPU"),
    (4, 32, "one_device", "4 GPUs, and 32 rows of a step are too few to share"),
    (4, 1024, "mirrored", "4 GPUs, and 1024 rows of a step are enough to share"),
])
def test_auto_takes_several_gpus_if_there_are_enough_rows(gpus, rows, name, reason, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] * gpus)
    chosen, why = strategy.choose(rows)
    assert chosen == name and reason in why


@pytest.mark.parametrize("workers, name", [(2, "multi_worker"), (1, "one_device")])
def test_auto_joins_several_workers(workers, name, monkeypatch):
    addresses = [f"host:{number}" for number in range(workers)]
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert strategy.choose(32)[0] == name


@pytest.mark.parametrize("name, message", [
    ("other", "`distribution` must be one of one_device, mirrored, multi_worker, tpu. Received"),
    ("multi_worker", "needs the environment variable TF_CONFIG"),
    ("tpu", "needs a TPU of this machine. Received: "),
])
def test_unavailable_strategies_are_refused(name, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=message):
        strategy.make_strategy(name)
