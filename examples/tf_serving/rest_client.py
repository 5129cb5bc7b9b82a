"""Asks TensorFlow Serving for the probabilities of some digits, by its REST API.

    python examples/tf_serving/rest_client.py http://127.0.0.1:8501/v1/models/digits [TABLE.json]

With the table of a coded defence, it prints the label and the calibrated confidence of each answer.
"""
import json
import sys
import urllib.request

import code_table
import numpy as np
from sklearn.datasets import load_digits


def predict(model_url, images):
    """Returns the probabilities, an array `(rows, classes)`."""
    body = json.dumps({"instances": images.tolist()}).encode()
    request = urllib.request.Request(f"{model_url}:predict", body,
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return np.array(json.load(answer)["predictions"])


def main(model_url, table=None):
    digits = load_digits()
    images = digits.images[:5, :, :, None] / 16
    code_table.show(digits.target, predict(model_url, images), table)


if __name__ == "__main__":
    main(*sys.argv[1:3])
