"""Look-alikes of servers of the Open Inference Protocol, over REST and gRPC."""
from concurrent import futures
import json

import grpc
import numpy as np

from attacks.endpoint.v2 import messages
from attacks.endpoint.v2 import tensors
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer

METADATA = {
    "name": "model",
    "versions": ["2", "10"],
    "platform": "any",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
}  # yapf: disable


def softmax(x):
    scores = np.exp(np.float32(x.reshape(len(x), -1)[:, :2]))
    return scores / scores.sum(axis=1, keepdims=True)


class RestModel(ScriptedServer):
    """A model over REST.

    Args:
        metadata: What the server tells of the model; None for nothing.
        outputs: Makes the outputs of a batch, by name.
        is_nested: Whether `data` is nested.
        extensions: What the server tells of itself.
        version: What an answer tells.

    Attributes:
        asked: The JSON of the last request.
    """

    def __init__(self, metadata=METADATA, outputs=lambda x: {"scores": softmax(x)}, is_nested=False,
                 extensions=(), version="10", **options):  # yapf: disable
        super().__init__(self._answer, **options)
        self._metadata, self._outputs, self._is_nested = metadata, outputs, is_nested
        self._extensions, self.version = list(extensions), version
        self.asked = None
        self.url = self.url.replace("/v1/", "/v2/")

    def _answer(self, request):
        if request.method == "POST":
            return self._infer(request)
        if request.path == "/v2":
            return Reply({"name": "server", "extensions": self._extensions})
        return Reply({"error": "no metadata"}, 404) if self._metadata is None else Reply(
            self._metadata)

    def _infer(self, request):
        length = int(request.headers.get("Inference-Header-Content-Length", len(request.body)))
        self.asked = json.loads(request.body[:length])
        told, = self.asked["inputs"]
        read = tensors.from_bytes if "parameters" in told else tensors.from_values
        x = read(told["data"] if "data" in told else request.body[length:], told["datatype"],
                 told["shape"])
        wanted = {each["name"] for each in self.asked.get("outputs", ())}
        outputs, body = [], b""
        for name, array in self._outputs(x).items():
            if not wanted or name in wanted:
                output, content = self._written(name, array, length < len(request.body))
                outputs.append(output)
                body += content
        answer = json.dumps({"model_name": "model", "model_version": self.version,
                             "outputs": outputs}).encode()  # yapf: disable
        headers = {"Inference-Header-Content-Length": str(len(answer))} if body else {}
        return Reply(answer + body, headers=headers)

    def _written(self, name, array, is_binary):
        is_text = array.dtype.kind in "OU"
        output = {
            "name": name,
            "shape": list(array.shape),
            "datatype": "BYTES" if is_text else tensors.datatype_of(array.dtype)
        }
        if is_binary:
            content = _strings(array) if is_text else tensors.to_bytes(array)
            return {**output, "parameters": {"binary_data_size": len(content)}}, content
        return {**output, "data": (array if self._is_nested else array.ravel()).tolist()}, b""


def _strings(array):
    encoded = [text.encode() for text in array.ravel()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)


class GrpcModel:
    """A model over gRPC while it is entered; see `RestModel`.

    Args:
        is_raw: Whether answers have raw contents.
        credentials: The server's, for TLS.
    """

    def __init__(self, metadata=METADATA, outputs=lambda x: {"scores": softmax(x)}, is_raw=True,
                 version="10", path=None, credentials=None):  # yapf: disable
        self._metadata, self._outputs = metadata, outputs
        self._is_raw, self.version = is_raw, version
        handlers = {
            name:
                grpc.unary_unary_rpc_method_handler(
                    method,
                    getattr(messages, f"{name}Request").FromString,
                    getattr(messages, f"{name}Response").SerializeToString)
            for name, method in (("ModelInfer", self._infer), ("ModelMetadata", self._tell))
        }
        self._server = grpc.server(
            futures.ThreadPoolExecutor(2),
            [grpc.method_handlers_generic_handler(messages.SERVICE, handlers)])
        where = "127.0.0.1:0" if path is None else f"unix:{path}"
        if credentials is None:
            scheme, port = "v2+grpc", self._server.add_insecure_port(where)
        else:
            scheme, port = "v2+grpcs", self._server.add_secure_port(where, credentials)
        self.url = f"{scheme}://127.0.0.1:{port}/model" if path is None else (
            f"v2+grpc+unix://{str(path).replace('/', '%2F')}/model")

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop(None).wait()

    def _tell(self, request, context):
        if self._metadata is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "no metadata")
        response = messages.ModelMetadataResponse(versions=self._metadata.get("versions", ()))
        for way in ("inputs", "outputs"):
            for told in self._metadata.get(way, ()):
                getattr(response, way).add(**told)
        return response

    def _infer(self, request, context):
        told, = request.inputs
        x = tensors.from_bytes(request.raw_input_contents[0], told.datatype, tuple(told.shape))
        wanted = {each.name for each in request.outputs}
        response = messages.ModelInferResponse(model_version=self.version or "")
        for name, array in self._outputs(x).items():
            if wanted and name not in wanted:
                continue
            if array.dtype.kind in "OU":
                output = response.outputs.add(name=name, shape=array.shape, datatype="BYTES")
                contents, content = "bytes_contents", [text.encode() for text in array.ravel()]
                raw = _strings(array)
            else:
                datatype = tensors.datatype_of(array.dtype)
                output = response.outputs.add(name=name, shape=array.shape, datatype=datatype)
                contents = {"FP32": "fp32_contents", "INT64": "int64_contents"}[datatype]
                content, raw = array.ravel().tolist(), tensors.to_bytes(array)
            if self._is_raw:
                response.raw_output_contents.append(raw)
            else:
                getattr(output.contents, contents).extend(content)
        return response
