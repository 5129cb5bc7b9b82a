"""The choice of a signature, an input and an output of a served model."""

from collections.abc import Mapping
import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import check_fixed_batch
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError


@dataclasses.dataclass(frozen=True)
class SignatureChoice:
    """The signature to call, and the form of its requests and answers.

    Attributes:
        signature: The chosen input and output.
        output_dtype: NumPy dtype of the output, or None if the server does not tell it.
        has_one_input, has_one_output: Whether the signature has no other input or output.
        is_told: Whether the server tells the signature.
    """
    signature: Signature
    output_dtype: np.dtype | None
    has_one_input: bool
    has_one_output: bool
    is_told: bool = True

    @classmethod
    def of(cls, signatures: Mapping[str, meta_graph_pb2.SignatureDef],
           config: EndpointConfig) -> "SignatureChoice":
        """Chooses by the names in a configuration.

        Args:
            signatures: The signatures of the model, by name.
            config: The names of the signature, the input and the output; the latter two may be
                None.

        Raises:
            EndpointError: If a name is wrong, or is missing and there is more than one candidate.
        """
        if config.signature not in signatures:
            named = ", ".join(sorted(key for key in signatures if not key.startswith("__")))
            raise EndpointError("`signature` must be one of the model's signatures: "
                                f"{named or 'none'}. Received: {config.signature!r}")
        chosen = signatures[config.signature]
        input_name = _input_name(chosen, config.input_name)
        output_name = _output_name(chosen.outputs, config.output_name)
        return cls(signature=Signature(input_name=input_name,
                                       output_name=output_name,
                                       input_dtype=_input_dtype(chosen.inputs[input_name], config),
                                       input_shape=_input_shape(chosen.inputs[input_name], config),
                                       output_shape=_output_shape(chosen.outputs[output_name])),
                   output_dtype=np.dtype(_dtype(chosen.outputs[output_name]).as_numpy_dtype),
                   has_one_input=len(chosen.inputs) == 1,
                   has_one_output=len(chosen.outputs) == 1)

    @classmethod
    def untold(cls, config: EndpointConfig) -> "SignatureChoice":
        """The choice where the server tells no signature: what the auditor tells of the model."""
        return cls(signature=Signature(input_name=config.input_name or "",
                                       output_name=config.output_name or "",
                                       input_dtype=np.dtype(config.model.input_dtype or "float32"),
                                       input_shape=config.model.input_shape,
                                       output_shape=None),
                   output_dtype=None,
                   has_one_input=config.input_name is None,
                   has_one_output=config.output_name is None,
                   is_told=False)


def _input_name(chosen, wanted):
    """The chosen input, or the only one without a default; no other input may be required."""
    needed = [name for name in chosen.inputs if name not in chosen.defaults]
    names = needed if len(needed) == 1 else list(chosen.inputs)
    name = _the_one("input", chosen.inputs, names, wanted)
    others = sorted(set(needed) - {name})
    if others:
        raise EndpointError("`signature` must name a signature that needs one input only. "
                            f"Received: one that needs {name} and {', '.join(others)}")
    return name


def _output_name(outputs, wanted):
    return _the_one("output", outputs, list(outputs), wanted)


def _the_one(kind, infos, names, wanted):
    there = "; ".join(_described(key, infos[key]) for key in sorted(infos)) or "none"
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None or wanted not in infos:
        raise EndpointError(f"`{kind}_name` must be one of the signature's {kind}s: {there}. "
                            f"Received: {'no name' if wanted is None else repr(wanted)}")
    return wanted


def _described(name, info):
    sizes = _sizes(info)
    shape = "of any shape" if sizes is None else str(["?" if n is None else n for n in sizes])
    return f"{name} ({_dtype(info).name} {shape})".replace("'", "")


def _dtype(info):
    try:
        return tf.as_dtype(info.dtype)
    except TypeError:
        raise EndpointError("A tensor of the signature must be of a dtype that TensorFlow "
                            f"{tf.__version__} knows. Received: number {info.dtype}") from None


def _input_dtype(info, config):
    if config.model.input_dtype is not None:
        return np.dtype(config.model.input_dtype)
    dtype = _dtype(info)
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise EndpointError("`input_name` must name an input of numbers, in this `signature` or "
                            f"another one. Received: {dtype.name}")
    return np.dtype(dtype.as_numpy_dtype)


def _sizes(info):
    """The size of each dimension, None where it is not fixed; None for an unknown rank."""
    if not info.HasField("tensor_shape") or info.tensor_shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)


def _input_shape(info, config):
    if config.model.input_shape is not None:
        return config.model.input_shape
    sizes = _sizes(info)
    if sizes is None:
        return None
    if not sizes:
        raise EndpointError("`input_name` must name an input that is a batch. Received: a single "
                            "number")
    if sizes[0] is not None:
        check_fixed_batch(sizes[0], config, "the signature")
    return sizes[1:]


def _output_shape(info):
    sizes = _sizes(info)
    if sizes == ():
        raise EndpointError("`output_name` must name an output with a row for each input. "
                            "Received: a single number")
    return None if sizes is None else sizes[1:]
