"""A model behind a Python function of the auditor's own."""

import pathlib

import numpy as np

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.scores import Scores
from models.python_files import FAILURES
from models.python_files import file_digest
from models.python_files import function_of
from revsig_keras.errors import first_line

_FUNCTION = "predict"


class FunctionEndpoint(Endpoint):
    """A model behind a Python function from rows `[n, ...]` to `n` answers.

    The function gets an array of its own, and returns an array, or a list with an answer for each
    row in a form that `Scores` reads. It is called by as many threads at a time as there may be
    requests.

    If the model did not run, the function raises `attacks.endpoint.failures.RefusedError`, or
    `WaitError` if no request is to be sent for some time: the rows are not billed, and are sent
    again. If the model may have run, it raises `InDoubtError`: the rows are billed, and sent again.
    Any other exception ends the run. The version is the SHA-256 of the file.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If there is no such function, or its file does not run.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        options = dict(part.split("=", 1) for part in config.address.base.split(":"))
        file = pathlib.Path(options.get("file", "")).expanduser()
        if not file.is_file():
            raise ValueError("`address` must be python:file=FILE.py:function=NAME with an existing "
                             f"file. Received: {config.address}")
        self._version = file_digest(str(file))
        self._function = function_of(str(file), options.get("function", _FUNCTION))
        self._scores = Scores(self.classes)

    def signature(self) -> Signature:
        model = self.config.model
        return Signature("", "", np.dtype(model.input_dtype or "float32"), model.input_shape, None)

    def version(self) -> str:
        return self._version

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str]:
        try:
            answers = self._function(inputs)
        except (RequestFailedError, EndpointError):
            raise
        except FAILURES as error:
            raise EndpointError(f"The function of {self.config.address} must answer. Received: "
                                f"{first_line(error)}, on rows of shape {inputs.shape}") from error
        if hasattr(answers, "__array__"):  # Of a framework, for instance.
            answers = np.asarray(answers)
        if isinstance(answers, np.ndarray) and answers.ndim and len(answers) == len(inputs):
            return self.classes.labels(answers), self._version
        return self._scores.of_rows(answers, len(inputs)), self._version

    def close(self) -> None:
        pass

    def called(self, signature: Signature) -> str:
        return ""
