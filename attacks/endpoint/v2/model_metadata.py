"""What a server of the Open Inference Protocol tells about a model."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import check_fixed_batch
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.v2.tensors import dtype_of

# The name of the input if neither the server nor the auditor gives one: such servers take one input
# by any name.
_INPUT = "input-0"


@dataclasses.dataclass(frozen=True)
class TensorMetadata:
    """What a server tells about an input or an output.

    Attributes:
        name: Its name.
        datatype: The protocol's name of its datatype.
        shape: The size of each dimension, the batch's included, negative where it is not fixed.
    """
    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self):
        sizes = ", ".join("?" if size < 0 else str(size) for size in self.shape)
        return f"{self.name} ({self.datatype} [{sizes}])"


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What a server tells about a model; nothing, by default.

    Attributes:
        versions: The versions that it serves.
        inputs, outputs: Its inputs and outputs.
    """
    versions: tuple[str, ...] = ()
    inputs: tuple[TensorMetadata, ...] = ()
    outputs: tuple[TensorMetadata, ...] = ()

    def version(self) -> str | None:
        """The version that answers if none is pinned: the only one, or the highest number."""
        if len(self.versions) < 2:
            return next(iter(self.versions), None)
        return max(self.versions, key=int) if all(map(str.isdecimal, self.versions)) else None

    def signature(self, config: EndpointConfig) -> Signature:
        """Chooses the input and the output.

        Raises:
            EndpointError: If a name is wrong, or is missing and there is more than one candidate.
        """
        wanted = _the_one("input", self.inputs, config.input_name)
        output = _the_one("output", self.outputs, config.output_name)
        return Signature(input_name=wanted.name if wanted else config.input_name or _INPUT,
                         output_name=output.name if output else config.output_name or "",
                         input_dtype=_input_dtype(wanted, config),
                         input_shape=_input_shape(wanted, config),
                         output_shape=_sizes(output.shape[1:]) if output and output.shape else None)


def _the_one(kind: str, known: Sequence[TensorMetadata], wanted: str | None):
    """The chosen input or output; None where the server tells of none."""
    if not known:
        return None
    if kind == "input" and len(known) > 1:
        raise EndpointError("`address` must be of a model with one input. Received: one that "
                            f"needs {'; '.join(map(str, known))}")
    if wanted is None and len(known) == 1:
        return known[0]
    found = [each for each in known if each.name == wanted]
    if not found:
        raise EndpointError(f"`{kind}_name` must be one of the model's {kind}s: "
                            f"{'; '.join(map(str, known))}. Received: "
                            f"{'no name' if wanted is None else repr(wanted)}")
    return found[0]


def _input_dtype(wanted, config):
    if config.model.input_dtype is not None:
        return np.dtype(config.model.input_dtype)
    return dtype_of(wanted.datatype) if wanted else np.dtype("float32")


def _input_shape(wanted, config):
    if config.model.input_shape is not None:
        return config.model.input_shape
    if wanted is None or not wanted.shape:
        return None
    if wanted.shape[0] >= 0:
        check_fixed_batch(wanted.shape[0], config, f"the input {wanted}")
    return _sizes(wanted.shape[1:])


def _sizes(shape):
    return tuple(None if size < 0 else size for size in shape)
