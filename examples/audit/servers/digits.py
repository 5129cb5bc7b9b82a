"""The model that all servers serve: softmax regression on images of digits, by NumPy alone.

The weights are in the file that the environment variable WEIGHTS names; see `real_servers.py`.
"""
import os

import numpy as np

with np.load(os.environ["WEIGHTS"]) as file:
    WEIGHTS, BIAS = file["weights"], file["bias"]


def predict(rows):
    """Returns the probabilities `[n, 10]` of rows of 64 pixels each, of any shape, in float32."""
    x = np.asarray(rows, np.float32).reshape(len(rows), 64)
    logits = x @ WEIGHTS + BIAS
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
