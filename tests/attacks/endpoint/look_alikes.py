"""Look-alikes of servers, each in front of one model of digits, for the pages of examples/."""
from collections.abc import Callable

import numpy as np

from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.v2.look_alike import GrpcModel
from tests.attacks.endpoint.v2.look_alike import RestModel


def scores(rows):
    """The model: from rows of any shape, 64 numbers each, to ten probabilities in float32."""
    x = np.float32(rows).reshape(len(rows), 64)
    logits = x @ np.random.default_rng(0).normal(size=(64, 10)).astype("float32")
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def _json(read: Callable, write: Callable):
    """A server of JSON: `read` finds the rows in a request, `write` makes the answer of scores."""

    def answer(request):
        if request.method != "POST":
            return Reply({"detail": "Not Found"}, 404)
        return Reply(write(scores(read(request.json)).astype(float)))

    return lambda: ScriptedServer(answer)


def metadata(shape, *outputs):
    """What a server of the Open Inference Protocol tells; nothing about unnamed outputs."""
    return {
        "name": "digits",
        "versions": ["1"],
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, *shape]}],
        "outputs": [{"name": name, "datatype": "FP32", "shape": [-1, 10]} for name in outputs],
    }  # yapf: disable


def _label(x):
    return {"predict": scores(x).argmax(axis=1), "predict_proba": scores(x)}


def _only(x):
    return {"scores": scores(x)}


IMAGE = (8, 8, 1)
TOLD = metadata(IMAGE, "scores")
BINARY = ("binary_tensor_data",)
# By the name of the page and the place of the command in it.
LOOK_ALIKES = {
    ("kserve", 0): _json(lambda asked: asked["instances"], lambda p: {"predictions": p.tolist()}),
    ("kserve", 1): lambda: RestModel(TOLD, _only, version=None),
    ("mlserver", 0): lambda: RestModel({"name": "digits", "inputs": []}, _label, version=None),
    ("triton", 0): lambda: RestModel(TOLD, _only, extensions=BINARY, version="1"),
    ("triton", 1): lambda: GrpcModel(TOLD, _only, version="1"),
    ("openvino", 0): lambda: RestModel(metadata(IMAGE, "scores") | {"inputs": [
        {"name": "x", "datatype": "FP32", "shape": [1, *IMAGE]}]}, _only, version="1"),
    ("bentoml", 0): _json(lambda asked: asked["rows"], lambda p: p.tolist()),
    ("litserve", 0): _json(lambda asked: [asked["input"]], lambda p: {"output": p[0].tolist()}),
    ("mlflow", 0): _json(lambda asked: asked["inputs"], lambda p: {"predictions": p.tolist()}),
}  # yapf: disable
