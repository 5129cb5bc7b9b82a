"""BentoML: python serve_bentoml.py PORT"""
import os
import pathlib
import sys

import bentoml
from digits import predict
import numpy as np


@bentoml.service(workers=1)
class Digits:
    """Takes its argument by name, and answers with the array alone."""

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return predict(rows)


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).parent)
    command = str(pathlib.Path(sys.executable).parent / "bentoml")
    os.execve(
        command,
        [command, "serve", "serve_bentoml:Digits", "--port", sys.argv[1], "--host", "127.0.0.1"], {
            **os.environ, "BENTOML_DO_NOT_TRACK": "True"
        })
