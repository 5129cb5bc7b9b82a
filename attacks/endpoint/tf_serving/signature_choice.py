"""Which signature, input and output of a served model are meant."""

from collections.abc import Mapping
import dataclasses

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError


@dataclasses.dataclass(frozen=True)
class SignatureChoice:
    """What is called, and what requests and answers look like.

    Attributes:
        signature: The input and the output that are meant.
        output_dtype: NumPy dtype of the output.
        has_one_input, has_one_output: Whether the signature has no others.
    """
    signature: Signature
    output_dtype: np.dtype
    has_one_input: bool
    has_one_output: bool

    @classmethod
    def of(cls, signatures: Mapping[str, meta_graph_pb2.SignatureDef],
           config: EndpointConfig) -> "SignatureChoice":
        """Chooses.

        Args:
            signatures: Those of the model, by name.
            config: The names of what is meant, where it says.

        Raises:
            EndpointError: If there is none such, or more than one can be meant.
        """
        if config.signature not in signatures:
            named = ", ".join(sorted(key for key in signatures if not key.startswith("__")))
            raise EndpointError(
                f"`--oracle_signature` must be one of the model's: {named or 'none'}"
                f". Received: {config.signature!r}")
        chosen = signatures[config.signature]
        input_name = _input_name(chosen, config.input_name)
        output_name = _output_name(chosen.outputs, config.output_name)
        return cls(signature=Signature(input_name=input_name,
                                       output_name=output_name,
                                       input_dtype=_input_dtype(chosen.inputs[input_name]),
                                       input_shape=_input_shape(chosen.inputs[input_name],
                                                                config.batch_size),
                                       output_shape=_output_shape(chosen.outputs[output_name])),
                   output_dtype=np.dtype(_dtype(chosen.outputs[output_name]).as_numpy_dtype),
                   has_one_input=len(chosen.inputs) == 1,
                   has_one_output=len(chosen.outputs) == 1)


def _input_name(chosen, wanted):
    """The one that is asked for, or the only one without a default; no other may be needed."""
    needed = [name for name in chosen.inputs if name not in chosen.defaults]
    names = needed if len(needed) == 1 else list(chosen.inputs)
    name = _the_one("input", chosen.inputs, names, wanted)
    others = sorted(set(needed) - {name})
    if others:
        raise EndpointError("The signature must need one input only; name another one by "
                            f"--oracle_signature. Received: one that needs {name} and "
                            f"{', '.join(others)}")
    return name


def _output_name(outputs, wanted):
    return _the_one("output", outputs, list(outputs), wanted)


def _the_one(kind, infos, names, wanted):
    there = "; ".join(_described(key, infos[key]) for key in sorted(infos)) or "none"
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None:
        raise EndpointError(f"`--oracle_{kind}` must name one of the signature's {kind}s: {there}. "
                            "Received: no name")
    if wanted not in infos:
        raise EndpointError(f"`--oracle_{kind}` must be one of the signature's {kind}s: {there}. "
                            f"Received: {wanted!r}")
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


def _input_dtype(info):
    dtype = _dtype(info)
    if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
        raise EndpointError("The signature's input must be numbers; name another one by "
                            f"--oracle_signature or --oracle_input. Received: {dtype.name}")
    return np.dtype(dtype.as_numpy_dtype)


def _sizes(info):
    """Of each dimension, None where it is not fixed; None for an unknown rank."""
    if not info.HasField("tensor_shape") or info.tensor_shape.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)


def _input_shape(info, batch_size):
    sizes = _sizes(info)
    if sizes is None:
        return None
    if not sizes:
        raise EndpointError("The signature's input must be a batch. Received: a single number")
    if sizes[0] not in (None, batch_size):
        raise EndpointError(f"`--oracle_batch_size` must be {sizes[0]}, the only one that the "
                            f"signature takes. Received: {batch_size}")
    return sizes[1:]


def _output_shape(info):
    sizes = _sizes(info)
    if sizes == ():
        raise EndpointError("The signature's output must have a row for each input; name another "
                            "one by --oracle_output. Received: a single number")
    return None if sizes is None else sizes[1:]
