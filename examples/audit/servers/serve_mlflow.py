"""MLflow: python serve_mlflow.py PORT"""
import os
import pathlib
import sys
import tempfile

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import Schema
from mlflow.types import TensorSpec
import numpy as np


class Digits(mlflow.pyfunc.PythonModel):
    """Imports the model where it is served."""

    def predict(self, context, model_input, params=None):
        from digits import predict
        return predict(model_input)


def main(port):
    here, folder = pathlib.Path(__file__).parent, tempfile.mkdtemp()
    kind, path = np.dtype("float32"), os.path.join(folder, "model")
    signature = ModelSignature(Schema([TensorSpec(kind, (-1, 8, 8, 1))]),
                               Schema([TensorSpec(kind, (-1, 10))]))
    mlflow.pyfunc.save_model(path,
                             python_model=Digits(),
                             signature=signature,
                             code_paths=[str(here / "digits.py")],
                             pip_requirements=[])
    bin_folder = pathlib.Path(sys.executable).parent
    command = str(bin_folder / "mlflow")
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    os.execve(command, [
        command, "models", "serve", "-m", path, "--env-manager", "local", "-p", port, "-h",
        "127.0.0.1"
    ], environment)


if __name__ == "__main__":
    main(sys.argv[1])
