"""A served model for tests, and endpoints that ask it."""
import importlib.util

import numpy as np
import tensorflow as tf

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.endpoint import connect
from tests.serving.served_model import function
from tests.serving.served_model import tensor

HAS_GRPC = importlib.util.find_spec("tensorflow_serving") is not None
PROTOCOLS = ("rest", "grpc") if HAS_GRPC else ("rest",)
# Some need all digits of a float32.
X = np.float32([[0.1, 0.2, 0.3], [1 / 3, -2e-8, 7e9], [123456.79, 1e-20, -1]])


def build(path, version):
    """Writes the SavedModel of a version; its answers depend on the version."""
    model = tf.Module()
    model.version = tf.Variable(float(version))
    x = tensor("float32", 3, name="x")

    def several(x):
        scores = x * model.version
        return {
            "scores": scores,
            "wide": tf.cast(x, "float64") * 0.1,
            "label": tf.argmax(x, -1),
            "name": tf.gather(["a", "b", "c"], tf.argmax(x, -1)),
            "raw_bytes": tf.gather([b"\xff", b"b", b"c"], tf.argmax(x, -1)),
        }

    signatures = {
        "serving_default": function(lambda x: {"y": x * model.version}, x),
        "several": function(several, x),
        "pixels": function(lambda x: {"y": tf.cast(x, "float32") * 2}, tensor(
            "uint8", 2, 2, name="x")),
        "half": function(lambda x: {"y": x}, tensor("float16", 3, name="x")),
        "brain": function(lambda x: {"y": x}, tensor("bfloat16", 3, name="x")),
        "words": function(lambda words: {"text": words}, tensor("string", name="words")),
        "pair": function(lambda a, b: {"sum": a + b}, tensor("float32", name="a"),
                         tensor("float32", name="b")),
        "mean": function(lambda x: {"mean": tf.reduce_mean(x)}, x),
        "first": function(lambda x: {"first": x[:1]}, x),
        "four": function(lambda x: {"y": x}, tf.TensorSpec((4, 3), name="x")),
        "one": function(lambda x: {"y": x}, tf.TensorSpec((1, 3), name="x")),
    }  # yapf: disable
    tf.saved_model.save(model, path, signatures=signatures)


def config_of(server, protocol="rest", version=None, **changes):
    """The configuration of an endpoint of a server, or of the relay at an address."""
    address = server if isinstance(server, str) else {
        "rest": server.rest_url,
        "grpc": f"grpc://{server.grpc_address}/model"
    }[protocol]
    pinned = "" if version is None else f"/versions/{version}"
    changes = {"retry": RetryPolicy(2, 0.001, 0.001), "timeout_s": 20.0} | changes
    return EndpointConfig(Address.parse(f"{address}{pinned}"), **changes)


def through(relay, protocol):
    """The address of the model behind a relay."""
    return {
        "rest": f"http://{relay.address}/v1/models/model",
        "grpc": f"grpc://{relay.address}/model"
    }[protocol]


def endpoint_of(*args, **changes):
    return connect(config_of(*args, **changes))
