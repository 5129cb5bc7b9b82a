"""A model behind the Open Inference Protocol's gRPC API."""

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.transport.grpc_caller import GrpcCaller
from attacks.endpoint.v2 import messages
from attacks.endpoint.v2 import tensors
from attacks.endpoint.v2.model_metadata import ModelMetadata
from attacks.endpoint.v2.model_metadata import TensorMetadata
from attacks.endpoint.v2.v2_endpoint import V2Endpoint

# The field of the contents of a tensor that are not raw.
_CONTENTS = {
    "BOOL": "bool_contents", "INT8": "int_contents", "INT16": "int_contents",
    "INT32": "int_contents", "INT64": "int64_contents", "UINT8": "uint_contents",
    "UINT16": "uint_contents", "UINT32": "uint_contents", "UINT64": "uint64_contents",
    "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # yapf: disable


class GrpcEndpoint(V2Endpoint):
    """A model behind the Open Inference Protocol's gRPC API; needs the extra `serving`.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If a secret cannot be read or sent.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._caller = GrpcCaller(config)
        self._metadata_of = self._method("ModelMetadata")
        self._infer_with = self._method("ModelInfer")

    def close(self) -> None:
        self._caller.close()

    def _method(self, name):
        request, response = (
            getattr(messages, f"{name}{which}") for which in ("Request", "Response"))
        return self._caller.channel.unary_unary(f"/{messages.SERVICE}/{name}",
                                                request.SerializeToString, response.FromString)

    def _ask_metadata(self):
        address = self.config.address
        request = messages.ModelMetadataRequest(name=address.name, version=address.version or "")
        told = self._caller.call(self._metadata_of, request)
        return ModelMetadata(tuple(told.versions), _tensors(told.inputs), _tensors(told.outputs))

    def _infer(self, inputs, signature):
        address = self.config.address
        request = messages.ModelInferRequest(model_name=address.name,
                                             model_version=address.version or "",
                                             raw_input_contents=[tensors.to_bytes(inputs)])
        request.inputs.add(name=signature.input_name,
                           shape=inputs.shape,
                           datatype=tensors.datatype_of(inputs.dtype))
        if signature.output_name:
            request.outputs.add(name=signature.output_name)
        answer = self._caller.call(self._infer_with, request)
        raw = answer.raw_output_contents
        if raw and len(raw) != len(answer.outputs):
            raise EndpointError(
                f"The endpoint must answer with contents for each output. Received: "
                f"{len(raw)} of {len(answer.outputs)}")
        outputs = {
            tensor.name: _array(tensor, raw[index] if raw else None)
            for index, tensor in enumerate(answer.outputs)
        }
        return outputs, answer.model_version or None


def _tensors(told):
    return tuple(TensorMetadata(each.name, each.datatype, tuple(each.shape)) for each in told)


def _array(tensor, raw):
    shape = tuple(tensor.shape)
    if raw is not None:
        return tensors.from_bytes(raw, tensor.datatype, shape)
    contents = getattr(tensor.contents, _CONTENTS.get(tensor.datatype, ""), ())
    values = [each.decode("utf-8", "replace") if isinstance(each, bytes) else each
              for each in contents]  # yapf: disable
    return tensors.from_values(values, tensor.datatype, shape)
