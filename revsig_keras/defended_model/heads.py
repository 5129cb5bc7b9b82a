"""The outputs of a model that are defended, each by a defence of its own."""
from collections.abc import Callable, Iterator, Mapping
import dataclasses
from typing import Any

import keras
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defended_model.expectations import check_configuration
from revsig_keras.defended_model.expectations import check_scores
from revsig_keras.defended_model.outputs import last_operation
from revsig_keras.defended_model.outputs import position
from revsig_keras.defended_model.probe import values
from revsig_keras.defended_model.ruin import tell_ruin

Output = str | int | None


def with_dtype(defence: Defence, dtype: str) -> Defence:
    """A copy of a defence whose results have another dtype."""
    return type(defence).from_config({**defence.get_config(), "dtype": dtype})


@dataclasses.dataclass(eq=False)
class Head:
    """A defended output.

    Attributes:
        output: Its name, as for `position`.
        defence: Its defence.
        fits: Whether the configuration of the model shows that the defence fits.
        probed: Whether its answers to random inputs do.
        seen: Whether its answers to real inputs do.
        measured: Whether it was measured how far the defence moves answers to real inputs.
    """
    output: Output
    defence: Defence
    fits: bool = False
    probed: bool = False
    seen: bool = False
    measured: bool = False

    def check_values(self, scores: np.ndarray | None) -> bool:
        """Whether `scores` show that the defence fits; raises `ValueError` if it does not."""
        if scores is None:
            return False
        self.defence.compute_output_shape(scores.shape)
        return check_scores(scores, self.defence)

    def dtype_to_follow(self, scores: Any) -> str | None:
        """The dtype of the scores, if the answers are to keep it and would not."""
        dtype = keras.backend.standardize_dtype(scores.dtype)
        if (self.defence.has_own_dtype or dtype == self.defence.compute_dtype or
                not keras.backend.is_float_dtype(dtype)):
            return None
        return dtype


class Heads:
    """The defended outputs of a model.

    Args:
        defence: A `Defence`, or a dictionary of defences by the names of outputs.
        output: The name of the output that a single defence is for.
    """

    def __init__(self, defence: Defence | Mapping[str | int, Defence], output: Output = None):
        self._heads = [Head(name, each) for name, each in _pairs(defence, output).items()]
        self._is_single = isinstance(defence, Defence)

    def __iter__(self) -> Iterator[Head]:
        return iter(self._heads)

    @property
    def defences(self) -> Defence | list[tuple[Output, Defence]]:
        """The defence, or all defences, each with its output."""
        if self._is_single:
            return self._heads[0].defence
        return [(head.output, head.defence) for head in self]

    def positions(self, model: keras.layers.Layer, outputs: Any) -> list[int]:
        """The position of each head's output in the flat `outputs`."""
        output_names = getattr(model, "output_names", None)
        found = [position(outputs, head.output, output_names) for head in self]
        if len(set(found)) < len(found):
            raise ValueError("`defence` must have one defence for each output. Received: "
                             f"{[head.output for head in self]}, two of which are one output")
        return found

    def check_configuration(self, model: keras.layers.Layer, outputs: Any) -> None:
        """Raises `ValueError` if the model and a defence are known not to fit.

        Args:
            model: The model.
            outputs: Its outputs; `None` where they are not known.
        """
        tensors = keras.tree.flatten(outputs)
        positions = [0] * len(self._heads) if outputs is None else self.positions(model, outputs)
        for head, index in zip(self, positions):
            classes = None
            if outputs is not None:
                shape = tensors[index].shape
                head.defence.compute_output_shape(shape)
                classes = 1 if head.defence.multi_label else shape[head.defence.axis]
            last = last_operation(model, index)
            if isinstance(last, Defence) or hasattr(last, "defended_output"):
                raise ValueError("`model` must be undefended, and a defence is applied once only: "
                                 "pass the classifier itself. "
                                 f"Received: model={model!r}, which ends in {last!r}")
            if outputs is not None or self._is_single:
                head.fits = check_configuration(last, classes, head.defence)

    def follow_dtypes(self, model: keras.layers.Layer, outputs: Any, in_copies: bool) -> None:
        """Makes answers keep the dtype of the scores where a defence was not given a dtype.

        Args:
            model: The model.
            outputs: Its outputs.
            in_copies: Whether a defence is replaced by a copy, rather than changed.
        """
        tensors = keras.tree.flatten(outputs)
        for head, index in zip(self, self.positions(model, outputs)):
            dtype = head.dtype_to_follow(tensors[index])
            if dtype is not None and in_copies:
                head.defence = with_dtype(head.defence, dtype)
            elif dtype is not None:
                head.defence.dtype_policy = dtype

    def check_answers(self, model: keras.layers.Layer, outputs: Any, known: str) -> None:
        """Raises `ValueError` if answers of the model do not fit; remembers which heads do.

        Args:
            model: The model.
            outputs: NumPy arrays, or tensors that may be symbolic; `None` if there are none.
            known: "probed" if the inputs were random, "seen" if they were real.
        """
        if outputs is None:
            return
        tensors = keras.tree.flatten(outputs)
        for head, index in zip(self, self.positions(model, outputs)):
            if not head.fits and not getattr(head, known):
                setattr(head, known, head.check_values(values(tensors[index])))

    def tell_ruin(self, model: keras.layers.Layer, outputs: Any, made_up: bool) -> None:
        """Warns once of each defence that leaves hardly anything of these answers."""
        tensors = keras.tree.flatten(outputs)
        for head, index in zip(self, self.positions(model, outputs)):
            scores = None if head.measured else values(tensors[index])
            if scores is not None:
                head.measured = True
                tell_ruin(head.defence, scores, str(head.output or "the model"), made_up)

    def are_measured(self) -> bool:
        """Whether `tell_ruin` has seen answers for all heads."""
        return all(head.measured for head in self)

    def stop_probing(self) -> None:
        """Takes all heads as probed: the model fails on random inputs."""
        for head in self:
            head.probed = True

    def are(self, known: str) -> bool:
        """Whether all heads are known to fit, by "probed" or "seen" if not by configuration."""
        return all(head.fits or getattr(head, known) for head in self)

    def defend(self, model: keras.layers.Layer, outputs: Any, defend: Callable) -> Any:
        """Replaces the outputs to be defended by `defend(defence, scores)`."""
        tensors = keras.tree.flatten(outputs)
        for head, index in zip(self, self.positions(model, outputs)):
            tensors[index] = defend(head.defence, tensors[index])
        return keras.tree.pack_sequence_as(outputs, tensors)


def _pairs(defence: Any, output: Output) -> dict[Any, Any]:
    """Defences by output; raises `ValueError` unless the arguments can be that."""
    if not (output is None or _is_name(output)):
        raise ValueError("`output` must be the key, index or name of an output of `model`, or "
                         f"`None`. Received: output={output!r}")
    if isinstance(defence, Mapping) and output is not None:
        raise ValueError("`output` must be left out where `defence` is a dictionary, whose keys "
                         f"name the outputs. Received: output={output!r}")
    pairs = dict(defence) if isinstance(defence, Mapping) else {output: defence}
    if not pairs or not all(isinstance(each, Defence) for each in pairs.values()):
        raise ValueError(
            "`defence` must be an instance of `revsig_keras.Defence`, such as "
            "`ReverseSigmoid(beta=1.0)`, or a dictionary of them by output. To serve a model "
            "without a defence, serve the model itself; leave `defence` out for "
            f"`ReverseSigmoid()`. Received: defence={defence!r}")
    if isinstance(defence, Mapping) and not all(map(_is_name, pairs)):
        raise ValueError("`defence`, where it is a dictionary, must have keys, indices or names of "
                         f"outputs of `model` for its keys. Received: {list(pairs)}")
    return pairs


def _is_name(output: Any) -> bool:
    return isinstance(output, (str, int)) and not isinstance(output, bool)
