"""Strategies by name, on a machine with two CPU devices."""
import pytest
import tensorflow as tf

from models import strategy

has_gpu = bool(tf.config.list_physical_devices("GPU"))


@pytest.mark.skipif(has_gpu, reason="this is what happens without a GPU")
@pytest.mark.parametrize("name, replicas", [("auto", 1), ("one_device", 1), ("mirrored", 2)])
def test_replicas(name, replicas):
    assert strategy.make_strategy(name).num_replicas_in_sync == replicas


def test_one_mirrored_strategy_per_process():
    assert strategy.make_strategy("mirrored") is strategy.make_strategy("mirrored")


def test_unknown_name():
    with pytest.raises(
            ValueError,
            match="distribution must be one of auto, one_device, mirrored. Received: 'tpu'"):
        strategy.make_strategy("tpu")
