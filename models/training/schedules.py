"""Learning-rate schedules by name, as factors of an optimiser's own rate."""
from collections.abc import Callable
import math

import keras
import tensorflow as tf


def _step(done):
    return tf.where(done < 0.5, 1.0, tf.where(done < 0.75, 0.1, 0.01))


def _cosine(done):
    return (1 + tf.cos(math.pi * done)) / 2


# Functions of the fraction of the steps done, in [0, 1). `step`: a tenth of the rate after half of
# the steps and a hundredth after three quarters (He et al., arXiv 1512.03385). `cosine`: half a
# period, without restarts (Loshchilov and Hutter, arXiv 1608.03983).
SCHEDULES: dict[str, Callable | None] = {"constant": None, "step": _step, "cosine": _cosine}


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The rate `rate * factor(step / steps)`, for runs of different lengths.

    Args:
        rate: The learning rate that the factors multiply.
        name: A member of `SCHEDULES` other than `constant`.

    Attributes:
        steps: A variable, the number of steps of the run.
    """

    def __init__(self, rate: float, name: str):
        self.rate, self.name = rate, name
        self.steps = tf.Variable(1.0, trainable=False)

    def __call__(self, step):
        return self.rate * SCHEDULES[self.name](tf.cast(step, "float32") / self.steps)

    def get_config(self):
        return {"rate": self.rate, "name": self.name}


def check_schedule(name: str) -> None:
    """Raises `ValueError` unless a schedule has this name."""
    if name not in SCHEDULES:
        raise ValueError(f"`schedule` must be one of {', '.join(SCHEDULES)}. Received: {name!r}")
