"""The defences by name."""
from revsig_keras.defences.base import Defence
from revsig_keras.defences.label_only import LabelOnly
from revsig_keras.defences.random_noise import RandomNoise
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.defences.rounding import Rounding
from revsig_keras.defences.top_k import TopK
from revsig_keras.registry import Registry


def _none():
    """No defence."""


DEFENCES = Registry("defence", {
    "none": _none,
    "reverse_sigmoid": ReverseSigmoid,
    "rounding": Rounding,
    "top_k": TopK,
    "label_only": LabelOnly,
    "random_noise": RandomNoise,
},
                    without=["apply_in_training"])


def make_defence(text: str) -> Defence | None:
    """Makes a defence from its textual form.

    >>> make_defence("reverse_sigmoid:beta=.5:gamma=.1").beta
    0.5

    Args:
        text: String, `name` or `name:key=value:key=value`; names are in `DEFENCES.names`, and keys
            are the arguments of the defence.

    Returns:
        The `Defence`, or `None` for `none`.
    """
    return DEFENCES.make(text)
