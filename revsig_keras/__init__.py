"""Protects served Keras classifiers against model stealing by perturbing their probabilities.

>>> import keras, revsig_keras
>>> classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
>>> served = revsig_keras.DefendedModel(classifier)
"""
import revsig_keras.cli.startup  # noqa: F401  isort: split  (before Keras is imported)
from revsig_keras import metrics
from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defences.coded.confidence_buckets import ConfidenceBuckets
from revsig_keras.defences.coded.decoy import Decoy
from revsig_keras.defences.label_only import LabelOnly
from revsig_keras.defences.random_noise import RandomNoise
from revsig_keras.defences.reverse_sigmoid import reverse_sigmoid
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.defences.rounding import Rounding
from revsig_keras.defences.top_k import TopK
from revsig_keras.defended_model import DefendedModel
from revsig_keras.strength import choose_strength
from revsig_keras.version import __version__

__all__ = [
    "ConfidenceBuckets",
    "Decoy",
    "Defence",
    "DefendedModel",
    "LabelOnly",
    "RandomNoise",
    "ReverseSigmoid",
    "Rounding",
    "TopK",
    "__version__",
    "choose_strength",
    "make_defence",
    "metrics",
    "reverse_sigmoid",
]
