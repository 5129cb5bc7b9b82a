"""Optimisers by name, and Adam's passes over large variables."""
import keras
import numpy as np
import pytest
import tensorflow as tf

from models.training.optimizers import check_optimizer
from models.training.optimizers import FUSED_SIZE
from models.training.optimizers import OPTIMIZERS


@pytest.mark.parametrize("text, kind, options", [
    ("adam", keras.optimizers.Adam, {"learning_rate": 0.001}),
    ("adam:learning_rate=.01", keras.optimizers.Adam, {"learning_rate": 0.01}),
    ("sgd", keras.optimizers.SGD, {"learning_rate": 0.01, "momentum": 0.9}),
    ("sgd:learning_rate=1e-3:momentum=.5", keras.optimizers.SGD,
     {"learning_rate": 0.001, "momentum": 0.5}),
    ("adamw:weight_decay=.1", keras.optimizers.Adam,
     {"learning_rate": 0.001, "weight_decay": 0.1}),
    ("sgd:weight_decay=.1", keras.optimizers.SGD,
     {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
])  # yapf: disable
def test_options(text, kind, options):
    optimizer = OPTIMIZERS.make(text)
    config = optimizer.get_config()
    assert isinstance(optimizer, kind)
    assert {key: config[key] for key in options} == pytest.approx(options)
    assert OPTIMIZERS.resolve(text) == (text.split(":")[0], options)


_SHAPES = {"small": [FUSED_SIZE - 1], "large": [2, FUSED_SIZE // 2], "scalar": []}


@pytest.mark.parametrize("size", _SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("text, keras_optimizer", [
    ("adam:learning_rate=.01", lambda: keras.optimizers.Adam(0.01)),
    ("adamw:weight_decay=.1", lambda: keras.optimizers.AdamW(weight_decay=0.1)),
])
def test_adam_is_that_of_keras(text, keras_optimizer, dtype, size):
    rng, shape = np.random.default_rng(0), _SHAPES[size]
    start = rng.normal(size=shape)
    # Of all magnitudes, and zero.
    scales = rng.choice([0, *10.0**np.arange(-9, 3)], [10, *shape])
    gradients = rng.normal(size=scales.shape) * scales
    ends = [
        _updated(optimizer, tf.Variable(start, dtype=dtype), gradients)
        for optimizer in (OPTIMIZERS.make(text), keras_optimizer())
    ]
    if size == "large" and dtype == "float32":
        # A step is about a learning rate; see the class for how exact it is.
        rate = float(OPTIMIZERS.make(text).learning_rate.numpy())
        np.testing.assert_allclose(*ends, rtol=1e-6, atol=1e-5 * rate * len(gradients))
    else:
        np.testing.assert_array_equal(*ends)
    assert np.any(ends[0] != start)


def test_adam_takes_sparse_gradients():
    gradient = tf.IndexedSlices(tf.ones([2, FUSED_SIZE]), [0, 2], [3, FUSED_SIZE])
    ends = [
        _updated(optimizer, tf.Variable(tf.ones([3, FUSED_SIZE])), [gradient] * 3)
        for optimizer in (OPTIMIZERS.make("adam"), keras.optimizers.Adam())
    ]
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("size", [FUSED_SIZE - 1, FUSED_SIZE])
def test_one_kernel_updates_large_variables(size):
    variable, optimizer = tf.Variable(tf.zeros([size])), OPTIMIZERS.make("adam")
    optimizer.build([variable])
    update = tf.function(lambda: optimizer.apply([tf.ones([size])], [variable]))
    kinds = {operation.type for operation in update.get_concrete_function().graph.get_operations()}
    assert ("ResourceApplyAdam" in kinds) == (size >= FUSED_SIZE)


def _updated(optimizer, variable, gradients):
    optimizer.build([variable])
    for gradient in gradients:
        if isinstance(gradient, np.ndarray):
            gradient = tf.cast(gradient, variable.dtype)
        optimizer.apply([gradient], [variable])
    return variable.numpy()


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
