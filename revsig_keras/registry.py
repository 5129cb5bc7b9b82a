"""The defences by name."""
from revsig_keras.members import Registry
from revsig_keras.reverse_sigmoid import ReverseSigmoid


def _none():
    """No defence."""


DEFENCES = Registry("defence", {"none": _none, "reverse_sigmoid": ReverseSigmoid})


def make_defence(text):
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
