"""A coded defence as a thief reconstructs it from its answers and from a clone of its own."""

import json

import numpy as np

# The name of the defence whose answers show the confidences of its state as they are.
_SHOWN = "confidence_buckets"
# The most bits and buckets that a coded defence has.
_BITS, _BUCKETS = 8, 256


def reconstruct(answers: np.ndarray, outputs: np.ndarray) -> tuple[str, str]:
    """Returns a defence that has the labels and buckets of coded answers, and its state as JSON.

    The shares of labels in the answers number the buckets; what they are told by else, such as by
    decoys, does not matter. Where a bucket begins, no answer shows: at that quantile of the doubts
    of the thief's clone which is the fraction of the answers in surer buckets. So a clone that
    follows these buckets ranks its confidences as the victim does, on a scale of its own.

    Args:
        answers: Array `[n, num_classes]` of coded answers.
        outputs: Array `[m, num_classes]`, the clone's outputs for inputs of the same kind.

    Raises:
        ValueError: If the answers have too many shares for a coded defence.
    """
    tops = answers.max(axis=1).astype(np.float32)
    shares, counts = np.unique(tops, return_counts=True)
    if len(shares) > _BUCKETS:
        raise ValueError(f"`answers` must have {_BUCKETS} shares of labels at most. "
                         f"Received: {len(shares)}")
    others = np.where(np.eye(outputs.shape[1])[outputs.argmax(axis=1)] > 0, 0, outputs)
    surer = 1 - np.cumsum(counts)[:-1] / len(answers)
    edges = np.quantile(others.sum(axis=1, dtype=np.float64), surer).astype(np.float32)
    state = {
        "bits": _BITS,
        "classes": outputs.shape[1],
        "edges": _falling(edges),
        "confidences": shares.astype(np.float64).tolist()
    }
    return _SHOWN, json.dumps(state, sort_keys=True)


def _falling(edges):
    """Edges of which each is below the one before, by the least that there is, and above 0."""
    least = np.finfo(np.float32).tiny
    edges = np.clip(edges, least, np.nextafter(np.float32(1), np.float32(0)))
    for place in reversed(range(len(edges))):
        above = least if place + 1 == len(edges) else np.nextafter(edges[place + 1], np.float32(1))
        edges[place] = max(edges[place], above)
    return edges.astype(np.float64).tolist()
