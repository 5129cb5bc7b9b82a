"""The buckets of a coded defence that answers with confidences, as its answers show them."""

import json

import numpy as np

# The most bits and buckets that a coded defence has.
_BITS, _BUCKETS = 8, 256
# The doubt of an answer that is as sure as float32 can tell.
_LEAST_DOUBT = 2.0**-25


def reconstruct(answers: np.ndarray) -> str | None:
    """Returns the state of a `ConfidenceBuckets` that has the buckets of coded answers, as JSON.

    The shares of labels in the answers are the confidences of the buckets. Answers do not show
    where a bucket begins: its edge is taken to be the geometric mean of the doubts, 1 - confidence,
    on both sides.

    Args:
        answers: Array `[n, num_classes]` of coded answers.

    Returns:
        The state, or `None` if the labels of the answers have more shares than a code can have.
    """
    confidences = np.unique(answers.max(axis=1).astype(np.float32)).astype(np.float64)
    doubts = np.maximum(1 - confidences, _LEAST_DOUBT)
    edges = np.sqrt(doubts[1:] * doubts[:-1]).astype(np.float32).astype(np.float64)
    if len(confidences) > _BUCKETS or not (edges[:-1] > edges[1:]).all():
        return None
    return json.dumps({
        "bits": _BITS,
        "classes": answers.shape[1],
        "edges": edges.tolist(),
        "confidences": confidences.tolist()
    })
