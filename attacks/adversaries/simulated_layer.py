"""A defence as a thief computes it: on logits, with parameters of its own, and with gradients."""

from collections.abc import Iterator, Mapping
import contextlib
import functools
import json

import numpy as np
import tensorflow as tf

from revsig_keras import Defence

# Logits with which gradients are tried, of the first number of classes that the defence accepts.
_TRIED_ROWS, _TRIED_CLASSES = 64, (10, 2, 100, 1000)
_TRIED_SCALE_NATS = 3.0


def on_logits(layer: Defence) -> Defence:
    """Returns the layer as it receives logits, if it can: that is exact for sure rows."""
    config = layer.get_config()
    if "from_logits" not in config:
        return layer
    return type(layer).from_config({**config, "from_logits": True})


def answers_of(layer: Defence, logits: tf.Tensor, values: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The answers `[n, classes]` for logits, with these values of the defence's parameters."""
    scores = logits if layer.from_logits else tf.nn.softmax(logits)
    with _having(layer, values):
        return layer(scores, training=False)


def fitted(layer: Defence, rows: np.ndarray) -> Defence:
    """Returns the layer or, if it has to be fitted before use, a copy that is fitted to rows.

    Args:
        layer: The defence.
        rows: Array `[n, classes]` as the layer receives them; their labels count as true.
    """
    if layer.state is not None or not layer.is_fittable:
        return layer
    layer = type(layer).from_config(layer.get_config())
    layer.adapt(rows, rows.argmax(axis=1))
    return layer


def why_not_trainable(layer: Defence, learn: bool) -> str | None:
    """Returns why a clone cannot be trained through a defence, or None.

    Args:
        layer: The defence.
        learn: Whether its continuous parameters, `Defence.ranges`, are trained too.
    """
    return _why_not_trainable(type(layer), json.dumps(layer.get_config()), learn)


@functools.cache
def _why_not_trainable(kind, config, learn):
    layer = on_logits(kind.from_config(json.loads(config)))
    if learn and not layer.ranges:
        return "it declares no continuous parameter that could be learned"
    for name, ends in layer.ranges.items() if learn else ():
        if not np.isfinite(ends).all():
            return f"`{name}` has no finite range in which it could be learned"
    for classes in _TRIED_CLASSES:
        logits = np.random.default_rng(0).normal(scale=_TRIED_SCALE_NATS,
                                                 size=[_TRIED_ROWS, classes])
        with contextlib.suppress(ValueError):  # A defence may refuse so many classes.
            logits = tf.constant(logits, "float32")
            rows = logits if layer.from_logits else tf.nn.softmax(logits)
            return _without_gradient(fitted(layer, rows.numpy()), logits, learn)
    return None


def _without_gradient(layer, logits, learn):
    values = {name: tf.constant(getattr(layer, name), "float32") for name in layer.ranges if learn}
    sources = {"its input": logits, **{f"`{name}`": value for name, value in values.items()}}
    with tf.GradientTape() as tape:
        tape.watch(sources)
        total = tf.reduce_sum(tf.square(answers_of(layer, logits, values)))
    for name, gradient in tape.gradient(total, sources).items():
        if gradient is None or not np.any(gradient):
            return f"its answers have no gradient in {name}"
    return None


@contextlib.contextmanager
def _having(layer: Defence, values: Mapping[str, tf.Tensor]) -> Iterator[None]:
    """Gives a layer these values of its parameters for a while."""
    own = {name: getattr(layer, name) for name in values}
    try:
        for name, value in values.items():
            setattr(layer, name, value)
        yield
    finally:
        for name, value in own.items():
            setattr(layer, name, value)
