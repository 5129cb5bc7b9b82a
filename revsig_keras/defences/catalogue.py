"""The defences by name."""
from collections.abc import Callable
from typing import Any

import keras

from revsig_keras.defences.base import Defence
from revsig_keras.defences.coded.confidence_buckets import ConfidenceBuckets
from revsig_keras.defences.coded.decoy import Decoy
from revsig_keras.defences.label_only import LabelOnly
from revsig_keras.defences.random_noise import RandomNoise
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.defences.rounding import Rounding
from revsig_keras.defences.top_k import TopK
from revsig_keras.registry import Registry


class DefenceRegistry(Registry):
    """A registry of subclasses of `Defence` that implement `perturb` and that Keras can load."""

    def check_factory(self, factory: Callable[..., Any]) -> None:
        super().check_factory(factory)
        if getattr(factory, "perturb", None) is Defence.perturb:
            raise ValueError(f"A new defence must implement `perturb`. Received: {factory!r}")
        name = keras.saving.get_registered_name(factory)
        if keras.saving.get_registered_object(name) is not factory:
            raise ValueError("A new defence must be decorated with "
                             "`keras.saving.register_keras_serializable`, or no saved model that "
                             f"has it can be loaded. Received: {factory!r}")


def no_defence() -> None:
    """Makes the member `none`."""


DEFENCES = DefenceRegistry("defence", {
    "none": no_defence,
    "reverse_sigmoid": ReverseSigmoid,
    "rounding": Rounding,
    "top_k": TopK,
    "label_only": LabelOnly,
    "random_noise": RandomNoise,
    "confidence_buckets": ConfidenceBuckets,
    "decoy": Decoy,
},
                           without=["apply_in_training"],
                           base=Defence)


def make_defence(text: str) -> Defence | None:
    """Makes a defence from its textual form.

    >>> make_defence("reverse_sigmoid:beta=.5:gamma=.1").beta
    0.5

    Args:
        text: String, `name` or `name:key=value:key=value`. The names are in `DEFENCES.names`, and
            `DEFENCES.add(name, cls)` adds one; the keys are the arguments of the defence.

    Returns:
        The `Defence`, or `None` for `none`.
    """
    return DEFENCES.make(text)


def require_defence(text: str) -> Defence:
    """Makes a defence from its textual form, as `make_defence` does, and refuses `none`."""
    defence = make_defence(text)
    if defence is None:
        raise ValueError(f"`defence` must be a defence. Received: {text}")
    return defence
