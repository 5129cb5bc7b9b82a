"""An endpoint without a network, with scripted failures and answers."""
import threading

import numpy as np

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.endpoint import Signature

CLASSES = 3
QUICK = RetryPolicy(retries=8, first_delay_s=0.001, longest_delay_s=0.002)


def config(**options):
    address = Address.parse("http://127.0.0.1:1/v1/models/scripted")
    return EndpointConfig(address, **{
        "rows_per_request": 4,
        "concurrency": 2,
        "retry": QUICK,
        **options
    })


def softmax(inputs):
    """The answers of the model: float32 rows that depend on each input alone."""
    scores = np.exp(np.float32(inputs[:, :CLASSES]) % 7)
    return scores / scores.sum(axis=1, keepdims=True)


class ScriptedEndpoint(Endpoint):
    """An endpoint that counts the rows it is sent.

    Args:
        script: Called with the number of each request and its inputs, before the model runs; may
            raise what an endpoint raises, wait, or return a version.
        answer: The model.
    """

    def __init__(self, script=lambda number, inputs: None, answer=softmax, **options):
        super().__init__(config(**options))
        self.script, self.answer = script, answer
        self.batches = []
        self.current = self.most = 0
        self._lock = threading.Lock()

    @property
    def rows(self):
        return sum(map(len, self.batches))

    def signature(self):
        return Signature("x", "y", np.dtype("float32"), (None,), (CLASSES,))

    def version(self):
        return "1"

    def predict(self, inputs):
        with self._lock:
            number = len(self.batches)
            self.batches.append(inputs)
            self.current += 1
            self.most = max(self.most, self.current)
        try:
            version = self.script(number, inputs) or "1"
            return self.answer(inputs), version
        finally:
            with self._lock:
                self.current -= 1

    def close(self):
        pass
