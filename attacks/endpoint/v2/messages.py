"""The messages of the Open Inference Protocol over gRPC, as far as a client needs them.

The descriptors are built here instead of generated, so that other packages with the same messages
can be imported in the same process. Fields that are left out, such as parameters, are ignored.
Source: https://github.com/kserve/open-inference-protocol, `open_inference_grpc.proto`.
"""

from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory

SERVICE = "inference.GRPCInferenceService"
_PACKAGE, _FILE = "inference", "revsig_keras/open_inference.proto"
_FIELD = descriptor_pb2.FieldDescriptorProto
_TENSOR = (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "int64*"))
# The fields of each message: name, number and type, with an asterisk if the field is repeated.
_MESSAGES = {
    "TensorMetadata": _TENSOR,
    "ModelMetadataRequest": (("name", 1, "string"), ("version", 2, "string")),
    "ModelMetadataResponse": (("versions", 2, "string*"), ("inputs", 4, "TensorMetadata*"),
                              ("outputs", 5, "TensorMetadata*")),
    "InferTensorContents": (("bool_contents", 1, "bool*"), ("int_contents", 2, "int32*"),
                            ("int64_contents", 3, "int64*"), ("uint_contents", 4, "uint32*"),
                            ("uint64_contents", 5, "uint64*"), ("fp32_contents", 6, "float*"),
                            ("fp64_contents", 7, "double*"), ("bytes_contents", 8, "bytes*")),
    "InferTensor": (*_TENSOR, ("contents", 5, "InferTensorContents")),
    "InferRequestedOutputTensor": (("name", 1, "string"),),
    "ModelInferRequest": (("model_name", 1, "string"), ("model_version", 2, "string"),
                          ("inputs", 5, "InferTensor*"),
                          ("outputs", 6, "InferRequestedOutputTensor*"),
                          ("raw_input_contents", 7, "bytes*")),
    "ModelInferResponse": (("model_version", 2, "string"), ("outputs", 5, "InferTensor*"),
                           ("raw_output_contents", 6, "bytes*")),
}  # yapf: disable


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, package=_PACKAGE, syntax="proto3")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            label = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
            field = described.field.add(name=name, number=number, label=label)
            kind = kind.rstrip("*")
            if kind in _MESSAGES:
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


CLASSES = _classes()
ModelMetadataRequest = CLASSES["ModelMetadataRequest"]
ModelMetadataResponse = CLASSES["ModelMetadataResponse"]
ModelInferRequest = CLASSES["ModelInferRequest"]
ModelInferResponse = CLASSES["ModelInferResponse"]
