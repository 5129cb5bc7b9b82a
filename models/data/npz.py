"""Data sets in NumPy files."""
import os

import numpy as np

from models.data.dataset import Dataset
from revsig_keras.files.arrays import load_npz

_OPTIONAL = ("x_test", "y_test", "groups", "groups_test")


def load(name: str) -> Dataset:
    """Loads `npz:FILE`.

    The arrays of the file:

    - `x`: inputs of any shape, uint8 (divided by 255) or floats (kept as they are).
    - `y`: labels from 0 up, each of them at least once.
    - `x_test` and `y_test`: likewise, the official test split, which may lack classes.
    - `groups` and `groups_test`: a whole number or a text per row, equal for rows that must not be
      divided between victim, thief and evaluator, such as those of one patient or camera track.

    Raises:
        ValueError: If the file cannot be read, or its arrays are none of these.
    """
    path = os.path.expanduser(name.removeprefix("npz:"))
    arrays = load_npz(path, ["x", "y"], _OPTIONAL, argument=name)
    for one, other in (("x_test", "y_test"), ("y_test", "x_test"), ("groups_test", "x_test")):
        if one in arrays and other not in arrays:
            raise ValueError(f"{name} must have {other} where it has {one}. Received: no {other}")
    labels = [_labels(name, key, arrays[key]) for key in ("y", "y_test") if key in arrays]
    inputs, input_range = _inputs(name,
                                  {key: arrays[key] for key in ("x", "x_test") if key in arrays})
    test = {"test_x": inputs[1], "test_y": labels[1]} if "x_test" in arrays else {}
    return Dataset(name, inputs[0], labels[0], _count_classes(name, labels[0]), input_range, **test,
                   **_groups(name, arrays))


def _inputs(name, arrays):
    """The inputs as float32, and the range of all of them."""
    kinds = {
        array.dtype if array.dtype == np.uint8 else array.dtype.kind for array in arrays.values()
    }
    if kinds != {np.dtype(np.uint8)} and kinds != {"f"}:
        received = " and ".join(str(array.dtype) for array in arrays.values())
        raise ValueError(f"{name} must have inputs {' and '.join(arrays)} of dtype uint8 or float. "
                         f"Received: {received}")
    if kinds != {"f"}:
        return [(x / 255).astype("float32") for x in arrays.values()], (0.0, 1.0)
    with np.errstate(over="ignore"):
        inputs = [x.astype("float32") for x in arrays.values()]
    filled = [x for x in inputs if x.size] or [np.zeros(1)]
    return inputs, (float(min(x.min() for x in filled)), float(max(x.max() for x in filled)))


def _labels(name, key, labels):
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{name} must have labels {key} of an integer dtype, as "
                         f"{key}.astype(int) has. Received: {labels.dtype}")
    return labels.astype("int64")


def _count_classes(name, y):
    labels = np.unique(y)
    if not np.array_equal(labels, np.arange(len(labels))):
        raise ValueError(
            f"{name} must have labels y from 0 to K - 1, each of them at least once. Received: "
            f"{len(labels)} different labels from {labels[0]} to {labels[-1]}")
    return len(labels)


def _groups(name, arrays):
    """The groups as whole numbers, equal for equal entries of both arrays."""
    given = {key: arrays[key] for key in ("groups", "groups_test") if key in arrays}
    if not given:
        return {}
    for key, groups in given.items():
        if groups.ndim != 1 or groups.dtype.kind not in "iuUS":
            raise ValueError(f"{name} must have {key} of shape (n,), whole numbers or texts. "
                             f"Received: shape {groups.shape} and dtype {groups.dtype}")
    if len({groups.dtype.kind in "US" for groups in given.values()}) > 1:
        raise ValueError(
            f"{name} must have groups and groups_test of one kind, numbers or texts. "
            f"Received: {' and '.join(str(groups.dtype) for groups in given.values())}")
    codes = np.unique(np.concatenate(list(given.values())), return_inverse=True)[1]
    first = len(given.get("groups", ()))
    return {
        "groups": codes[:first] if "groups" in given else None,
        "test_groups": codes[first:] if "groups_test" in given else None,
    }
