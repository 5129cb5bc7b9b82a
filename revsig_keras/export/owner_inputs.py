"""The owner's rows, on which a strength is chosen."""
from collections.abc import Collection, Iterator, Mapping, Sequence
import dataclasses
import os
from typing import Any

import keras
import numpy as np

from revsig_keras.defended_model.outputs import structure
from revsig_keras.export.warmup import by_input
from revsig_keras.export.warmup import load_inputs

Arrays = Mapping[str | None, np.ndarray]
_LABELS = "y"
_ROWS = 256


@dataclasses.dataclass(frozen=True, eq=False)
class OwnerInputs:
    """Inputs of a model, and what is known of their true labels.

    Attributes:
        arrays: The inputs by name, `None` for the only one.
        labels: True labels by output, `None` for the only one.
    """
    arrays: Arrays
    labels: Arrays

    @classmethod
    def load(cls, path: str | os.PathLike[str], known: Collection[str] = ()) -> "OwnerInputs":
        """Reads inputs from a file as for `load_inputs`.

        In an .npz file, the array `y` has the true labels, and `y/NAME` those of the output NAME.
        The only other array may be called `x`, whatever the model calls its input.

        Args:
            path: The file.
            known: The names of the model's inputs, which are no labels.
        """
        arrays = load_inputs(path, "inputs")
        labels = {
            name: array
            for name, array in arrays.items()
            if name is not None and name not in known and
            (name == _LABELS or name.startswith(f"{_LABELS}/"))
        }
        inputs = {name: array for name, array in arrays.items() if name not in labels}
        inputs = by_input(inputs, known)
        if not inputs:
            raise ValueError("`inputs` must have an array x, or one for each input of the model. "
                             f"Received: {path} with {', '.join(map(str, arrays))}")
        if len({len(array) for array in inputs.values()}) > 1:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in inputs.items())
            raise ValueError("`inputs` must have as many rows of each input. Received: "
                             f"{path} with {shapes}")
        return cls(
            inputs, {
                None if name == _LABELS else str(name).removeprefix(f"{_LABELS}/"): array
                for name, array in labels.items()
            })

    def labels_of(self, outputs: Sequence[str | None],
                  name: str | None) -> dict[str | None, np.ndarray | None]:
        """The true labels of outputs, `None` where they are not known.

        Args:
            outputs: The outputs. The labels of a single one may be called `y`.
            name: What the output `None` is called; `None` if that is not known, so that the only
                labels are taken for its own.

        Raises:
            ValueError: If an output has none, and there are labels of no output.
        """
        found = {output: self.labels.get(output) for output in outputs}
        if len(outputs) == 1 and found[outputs[0]] is None:
            found[outputs[0]] = self.labels.get(None)
        if None in found and found[None] is None:
            alone = next(iter(self.labels.values())) if len(self.labels) == 1 else None
            found[None] = alone if name is None else self.labels.get(name)
        unused = [_label_name(name) for name in self.labels if name not in found]
        if unused and any(labels is None for labels in found.values()):
            expected = " or ".join(_label_name(output) for output in outputs)
            raise ValueError(f"`inputs` must have labels of the outputs that are defended, as "
                             f"{expected}. Received: {', '.join(unused)}")
        return found

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.arrays.values())))

    def batches(self, size: int | None = None) -> Iterator[Arrays]:
        """Yields the inputs, so many rows at a time; the last may have fewer."""
        size = size or _ROWS
        for start in range(0, self.rows, size):
            yield {name: array[start:start + size] for name, array in self.arrays.items()}

    def first(self) -> Arrays:
        """The first rows."""
        return next(self.batches())


def _label_name(output: str | None) -> str:
    """The name of the array with the labels of an output."""
    return _LABELS if output is None else f"{_LABELS}/{output}"


def names_of_inputs(model: keras.layers.Layer) -> set[str]:
    """The names by which a model of Keras takes its inputs, as far as it tells."""
    declared = structure(model, "input")
    if declared is None:
        shapes = shapes_built_with(model)
        return set(shapes) if isinstance(shapes, dict) else set()
    return {
        name for path, tensor in keras.tree.flatten_with_path(declared)
        for name in ("/".join(map(str, path)), tensor.name) if name
    }


def shapes_built_with(model: keras.layers.Layer) -> Any:
    """The shapes of the only argument that a model was built with; `None` if they are not known."""
    shapes = list((getattr(model, "_build_shapes_dict", None) or {}).values())
    return shapes[0] if len(shapes) == 1 else None


def pack(model: keras.layers.Layer, arrays: Arrays) -> Any:
    """Inputs by name as the argument of a model of Keras.

    Raises:
        ValueError: If the model tells that it takes others.
    """
    declared = structure(model, "input")
    if declared is None:
        return arrays[None] if None in arrays else dict(arrays)
    taken = keras.tree.flatten_with_path(declared)
    found = []
    for path, tensor in taken:
        names = ("/".join(map(str, path)), tensor.name, *([None] if len(taken) == 1 else []))
        given = [arrays[name] for name in names if name in arrays]
        if not given or not _fits(given[0].shape, tensor.shape):
            shapes = ", ".join(
                f"{name or 'x'} of shape {array.shape}" for name, array in arrays.items())
            expected = ", ".join(f"{tensor.name} of shape {tensor.shape}" for _, tensor in taken)
            raise ValueError(f"`inputs` must have the arrays that `model` takes: {expected}. "
                             f"Received: {shapes}")
        found.append(given[0])
    return keras.tree.pack_sequence_as(declared, found)


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        size in (None, given) for given, size in zip(shape[1:], expected[1:]))
