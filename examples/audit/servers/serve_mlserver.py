"""MLServer with a runtime of one's own: python serve_mlserver.py PORT GRPC_PORT"""
import json
import os
import pathlib
import sys
import tempfile

from digits import predict
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Digits(MLModel):
    """The runtime that `model-settings.json` names."""

    async def load(self):
        return True

    async def predict(self, payload):
        outputs = [NumpyCodec.encode_output("scores", predict(NumpyCodec.decode_input(each)))
                   for each in payload.inputs]  # yapf: disable
        return InferenceResponse(model_name=self.name, outputs=outputs)


def main(port, grpc_port):
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "digits").mkdir()
    (folder / "settings.json").write_text(
        json.dumps({
            "host": "127.0.0.1",
            "http_port": int(port),
            "grpc_port": int(grpc_port),
            "metrics_endpoint": None,
            "parallel_workers": 0
        }))
    (folder / "digits" / "model-settings.json").write_text(
        json.dumps({
            "name": "digits",
            "implementation": "serve_mlserver.Digits"
        }))
    here = str(pathlib.Path(__file__).parent)
    command = str(pathlib.Path(sys.executable).parent / "mlserver")
    os.execve(command, [command, "start", str(folder)], {**os.environ, "PYTHONPATH": here})


if __name__ == "__main__":
    main(*sys.argv[1:3])
