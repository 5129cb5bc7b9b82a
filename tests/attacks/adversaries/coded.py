"""Coded defences for the tests of thieves that read their answers."""
import functools
import json

import numpy as np

from models.inference import log_softmax
from revsig_keras.defences.catalogue import DEFENCES

CLASSES = 6
MEMBERS = (
    "confidence_buckets",
    "confidence_buckets:bits=0",
    "confidence_buckets:ordered_classes=3",
    "decoy",
    "decoy:bits=2:decoys=1",
)


def rows(count, seed):
    """Clean rows, from unsure to sure."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(count, CLASSES))
    logits[np.arange(count), np.arange(count) % CLASSES] += rng.uniform(2, 12, count)
    return np.exp(log_softmax(logits)).astype(np.float32)


@functools.cache
def deployed(member, is_fitted=True):
    """A layer, and its state as thieves know it."""
    layer = DEFENCES.make(member)
    if is_fitted:
        clean = rows(500, 99)
        layer.adapt(clean, clean.argmax(axis=1))
    return layer, json.dumps(layer.state)


def codes(member, answers):
    """The label and the bucket of each answer, as its owner decodes them."""
    decoded = deployed(member)[0].decode(answers)
    return decoded.labels, decoded.buckets
