"""A model behind any JSON over HTTP."""

import dataclasses
import hashlib
import json
from typing import Any

import jmespath
import numpy as np

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature
from attacks.endpoint.endpoint import UNKNOWN_VERSION
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.json_http.request_template import RequestTemplate
from attacks.endpoint.json_http.rows import write_rows
from attacks.endpoint.scores import Scores
from attacks.endpoint.transport.http_client import HttpClient

_IMAGES = ("png", "jpeg")


class JsonEndpoint(Endpoint):
    """A model that answers a POST of JSON with JSON; needs `pip install 'revsig_keras[json]'`.

    The auditor gives a template of the request, and a JMESPath to the scores in an answer. No
    version is known.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If the template or the path is missing or wrong, or a secret cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        form = config.json
        if form.request is None or form.scores is None:
            missing = "request" if form.request is None else "scores"
            raise ValueError(f"`{missing}` must be given for {config.address.scheme}://, as in "
                             "{\"image\": $ROW} and all[].[name, percent]. Received: none")
        self._is_image = form.rows in _IMAGES
        self._template = RequestTemplate(form.request, self._is_image, form.secret_strings())
        if self._template.has_one_row:
            self.config = dataclasses.replace(config, rows_per_request=1)
        self._path = _compile(form.scores)
        self._scores = Scores(self.classes)
        self._client = HttpClient(config)

    def signature(self) -> Signature:
        model = self.config.model
        if not self._is_image:
            return Signature("", "", np.dtype(model.input_dtype or "float32"), model.input_shape,
                             None)
        if model.input_dtype not in (None, "uint8"):
            raise EndpointError("`input_dtype` must be uint8 for images. Received: "
                                f"{model.input_dtype}")
        return Signature("", "", np.dtype("uint8"), model.input_shape, None, (0.0, 255.0))

    def version(self) -> str:
        return UNKNOWN_VERSION

    def called(self, signature: Signature) -> str:
        form = self.config.json
        digest = hashlib.sha256(f"{form.request}\n{form.rows}".encode()).hexdigest()[:12]
        return f"request:{digest}->{form.scores}"

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str]:
        if self._template.has_one_row and len(inputs) != 1:
            raise ValueError(f"`inputs` must be one row, as $ROW is. Received: {len(inputs)} rows")
        request = self._template.fill(write_rows(inputs, self.config.json.rows))
        answer = self._client.post(self.config.address.url, request)
        try:
            return self._read(answer, len(inputs)), UNKNOWN_VERSION
        except EndpointError as error:
            self._client.refuse_error(answer)
            text = json.dumps(answer, ensure_ascii=False)
            if self._client.redact.finds_secrets(text):  # The error may have a part of them.
                error = "The endpoint must answer with scores. Received: what was sent as a secret"
            raise EndpointError(f"{error}. The answer was: {self._client.redact(text)}") from None

    def close(self) -> None:
        self._client.close()

    def _read(self, answer, rows):
        try:
            found = self._path.search(answer)
        except ValueError as error:  # A function of JMESPath got another type.
            raise EndpointError("`scores` must be a JMESPath that fits the answers. Received: "
                                f"{' '.join(str(error).split())}") from None
        if found is None or found == []:
            raise EndpointError("`scores` must lead to the scores in an answer (`refused`, `wait` "
                                "and `stop` say what other answers mean). Received: nothing there")
        scores = self._scores.of_row(found) if self._template.has_one_row else (
            self._scores.of_rows(found, rows))
        self._check_order(answer, scores)
        return scores

    def _check_order(self, answer, scores):
        """Refuses numbers if names elsewhere in the answer may be in another order."""
        if self.classes or self.classes.in_class_order or scores.ndim < 2:
            return
        names = _list_of_names(answer, scores.shape[-1])
        if names and not _are_ascending(names):
            raise EndpointError(
                "`scores` must lead to names and their scores, or `in_class_order` must state that "
                "numbers without names are in the order of the data's labels, if names are in the "
                f"answer. Received: numbers, and the names {', '.join(names)[:60]}")


def _compile(path: str) -> Any:
    try:
        return jmespath.compile(path)
    except ValueError as error:
        raise ValueError("`scores` must be a JMESPath (jmespath.org). Received: "
                         f"{path!r}: {' '.join(str(error).split())}") from None


def _are_ascending(names):
    return all(map(str.isdecimal, names)) and names == sorted(names, key=int)


def _list_of_names(tree: Any, size: int) -> list[str] | None:
    """The first list of `size` different strings in a tree of JSON, or None."""
    if isinstance(tree, dict):
        parts = list(tree.values())
    elif not isinstance(tree, list):
        return None
    elif len(tree) == size > 1 and all(isinstance(each, str) for each in tree):
        return tree if len(set(tree)) == size else None
    else:
        parts = tree
    return next((found for part in parts if (found := _list_of_names(part, size))), None)
