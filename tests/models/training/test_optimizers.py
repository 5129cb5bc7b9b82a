"""Optimisers by name."""
import keras
import pytest

from models.training.optimizers import OPTIMIZERS


@pytest.mark.parametrize("text, kind, options", [
    ("adam", keras.optimizers.Adam, {"learning_rate": 0.001}),
    ("adam:learning_rate=.01", keras.optimizers.Adam, {"learning_rate": 0.01}),
    ("sgd", keras.optimizers.SGD, {"learning_rate": 0.01, "momentum": 0.9}),
    ("sgd:learning_rate=1e-3:momentum=.5", keras.optimizers.SGD,
     {"learning_rate": 0.001, "momentum": 0.5}),
])  # yapf: disable
def test_options(text, kind, options):
    optimizer = OPTIMIZERS.make(text)
    config = optimizer.get_config()
    assert type(optimizer) is kind
    assert {key: config[key] for key in options} == pytest.approx(options)
    assert OPTIMIZERS.resolve(text) == (text.split(":")[0], options)


def test_each_is_new():
    assert OPTIMIZERS.make("adam") is not OPTIMIZERS.make("adam")


@pytest.mark.parametrize("text, message", [("adamw", "adam, sgd"),
                                           ("adam:momentum=1", "learning_rate"),
                                           ("sgd:momentum=high", "high")])
def test_bad_members(text, message):
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS.make(text)
