"""Serves the newest version in a folder by TensorFlow Serving's REST API, on this machine only.

    python examples/tf_serving/local_server.py runs/serving/digits

For trying a client or an audit where TensorFlow Serving is not installed; not for production. It
loads one version at its start, answers `:predict`, `/metadata` and the model's status, prints its
address, and serves until it is stopped (Ctrl-C). A second argument sets the port; 8501 by default,
0 for any free one.
"""
import http.server
import json
import pathlib
import re
import sys

from google.protobuf import json_format
import tensorflow as tf

from revsig_keras.saved_model import files

PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata|:predict)?")


class Servable:
    """One version of a model.

    Args:
        folder: That of the SavedModel; its name is the version.
    """

    def __init__(self, folder):
        self.version = folder.name
        self._loaded = tf.saved_model.load(str(folder))
        self._definitions = files.read(folder).meta_graphs[0].signature_def

    def status(self):
        """What the server tells of the model's state."""
        return {
            "model_version_status": [{
                "version": self.version,
                "state": "AVAILABLE",
                "status": {
                    "error_code": "OK",
                    "error_message": ""
                },
            }]
        }

    def metadata(self, name):
        """The signatures, as JSON."""
        signatures = {
            key: json_format.MessageToDict(definition, preserving_proto_field_name=True)
            for key, definition in self._definitions.items()
        }
        return {
            "model_spec": {
                "name": name,
                "version": self.version
            },
            "metadata": {
                "signature_def": {
                    "signature_def": signatures
                }
            },
        }

    def predict(self, request):
        """Answers a request in the row or the column format.

        Raises:
            ValueError: If it is neither, or does not fit the signature.
        """
        name = request.get("signature_name", "serving_default")
        if name not in self._loaded.signatures or ("instances" in request) == ("inputs" in request):
            raise ValueError("a request must name a signature of the model and have either "
                             f"'instances' or 'inputs'. Received: {sorted(request)}")
        definition, in_rows = self._definitions[name], "instances" in request
        inputs = request["instances" if in_rows else "inputs"]
        if in_rows and isinstance(inputs[0], dict):
            inputs = {key: [row[key] for row in inputs] for key in inputs[0]}
        elif not isinstance(inputs, dict):
            inputs = {key: inputs for key in definition.inputs}
        tensors = {
            key: tf.constant(value, tf.DType(definition.inputs[key].dtype))
            for key, value in inputs.items()
        }
        outputs = {
            key: value.numpy().tolist()
            for key, value in self._loaded.signatures[name](**tensors).items()
        }
        if len(outputs) == 1:
            values, = outputs.values()
        elif in_rows:
            values = [dict(zip(outputs, row)) for row in zip(*outputs.values())]
        else:
            values = outputs
        return {"predictions" if in_rows else "outputs": values}


def handler(name, servable):
    """The class that answers HTTP requests for one model."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """One connection."""
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            path = self._path()
            if path and path[3] != ":predict":
                self._send(200, servable.metadata(name) if path[3] else servable.status())

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self._path()
            if path and path[3] == ":predict":
                try:
                    self._send(200, servable.predict(json.loads(body)))
                except (ValueError, TypeError, KeyError, IndexError, AttributeError,
                        tf.errors.InvalidArgumentError) as error:
                    self._send(400, {"error": str(error)})

        def _path(self):
            path = PATH.fullmatch(self.path)
            is_served = path and path[1] == name and path[2] in (None, servable.version)
            is_post = self.command == "POST"
            if is_served and is_post == (path[3] == ":predict"):
                return path
            self._send(404, {"error": f"not found: {self.command} {self.path}"})
            return None

        def _send(self, status, answer):
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keeps the terminal quiet."""

    return Handler


def main(folder, port=8501):
    folder = pathlib.Path(folder).resolve()
    versions = [path for path in folder.glob("*") if path.name.isdecimal()]
    if not versions:
        sys.exit(f"error: the folder must have versions, such as {folder}/1. Received: none")
    servable = Servable(max(versions, key=lambda path: int(path.name)))
    address = ("127.0.0.1", int(port))
    with http.server.ThreadingHTTPServer(address, handler(folder.name, servable)) as server:
        print("http://{}:{}/v1/models/{}".format(*server.server_address, folder.name), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
