"""The runs whose directories are in `data`: their flags, and the model that one of them audits."""
import contextlib
import errno
import pathlib
import time

import numpy as np
import tensorflow as tf

from tests.serving.relay import Relay
from tests.serving.server import ModelServer

DATA = pathlib.Path("tests/compatibility/data")
SMALL_RUN = ("--dataset=digits", "--victim_architecture=mlp", "--victim_steps=150",
             "--clone_architecture=mlp", "--steps=20", "--budgets=10,20", "--seeds=3,4",
             "--defences=none,reverse_sigmoid:beta=1:gamma=.2", "--adversaries=probabilities")
# A ledger knows an endpoint by its address, so this one is fixed; no other program listens there.
ADDRESS = ("127.83.11.5", 8501)
OWNED = "--i_own_this_endpoint"
AUDIT = (f"--dataset=npz:{DATA}/audit/vectors.npz",
         f"--oracle=http://{ADDRESS[0]}:{ADDRESS[1]}/v1/models/model", "--clone_architecture=mlp",
         "--steps=20", "--budgets=20,40", "--seeds=0,1", "--eval_rows=30", "--oracle_batch_size=8",
         "--oracle_concurrency=1", "--oracle_retries=0", "--clones_per_device=1")
_FEATURES, _CLASSES = 5, 3


def write_data(path):
    """An .npz file of vectors, a third of each class."""
    x = np.random.default_rng(0).normal(size=(400, _FEATURES)).astype(np.float32)
    np.savez(path, x=x, y=x[:, :_CLASSES].argmax(axis=1))


@contextlib.contextmanager
def served(base):
    """A server of the audited model, version 1, at `ADDRESS`."""
    spec = tf.TensorSpec((None, _FEATURES), "float32", "x")
    model = tf.Module()
    answer = tf.function(lambda x: {"y": tf.nn.softmax(3 * x[:, :_CLASSES])},
                         input_signature=[spec])
    tf.saved_model.save(model, base / "1", {"serving_default": answer})
    with ModelServer(base) as server, _relay(server.rest_url.split("/")[2]):
        yield server


def _relay(target, patience_s=60):
    """A relay at `ADDRESS`, once no other test of this machine has it."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return Relay(target, address=ADDRESS)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                raise
            time.sleep(0.2)
