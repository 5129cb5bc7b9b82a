"""Optimisers by name."""
import keras
import pytest

from models.training.optimizers import check_optimizer
from models.training.optimizers import OPTIMIZERS


@pytest.mark.parametrize("text, kind, options", [
    ("adam", keras.optimizers.Adam, {"learning_rate": 0.001}),
    ("adam:learning_rate=.01", keras.optimizers.Adam, {"learning_rate": 0.01}),
    ("sgd", keras.optimizers.SGD, {"learning_rate": 0.01, "momentum": 0.9}),
    ("sgd:learning_rate=1e-3:momentum=.5", keras.optimizers.SGD,
     {"learning_rate": 0.001, "momentum": 0.5}),
    ("adamw:weight_decay=.1", keras.optimizers.AdamW,
     {"learning_rate": 0.001, "weight_decay": 0.1}),
    ("sgd:weight_decay=.1", keras.optimizers.SGD,
     {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
])  # yapf: disable
def test_options(text, kind, options):
    optimizer = OPTIMIZERS.make(text)
    config = optimizer.get_config()
    assert type(optimizer) is kind
    assert {key: config[key] for key in options} == pytest.approx(options)
    assert OPTIMIZERS.resolve(text) == (text.split(":")[0], options)


def test_each_is_new():
    assert OPTIMIZERS.make("adam") is not OPTIMIZERS.make("adam")


@pytest.mark.parametrize("text, message", [("rmsprop", "adam, sgd, adamw"),
                                           ("adam:momentum=1", "learning_rate"),
                                           ("sgd:momentum=high", "high")])
def test_bad_members(text, message):
    with pytest.raises(ValueError, match=message):
        OPTIMIZERS.make(text)


@pytest.mark.parametrize("text, message", [("rmsprop", "adam, sgd, adamw"),
                                           ("adam:learning_rate=0", "`learning_rate` must be"),
                                           ("adam:learning_rate=-1", "`learning_rate` must be"),
                                           ("sgd:learning_rate=inf", "must be a finite number"),
                                           ("sgd:learning_rate=nan", "must be a finite number"),
                                           ("sgd:momentum=1.5", "`momentum` must be"),
                                           ("adamw:weight_decay=-1", "`weight_decay` must be")])
def test_what_cannot_train_is_refused_without_making_it(text, message, monkeypatch):
    monkeypatch.setattr(keras.optimizers, "Adam", None)
    monkeypatch.setattr(keras.optimizers, "SGD", None)
    check_optimizer("adam:learning_rate=.01")
    check_optimizer("sgd")
    with pytest.raises(ValueError, match=message):
        check_optimizer(text)
