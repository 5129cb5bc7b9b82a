"""Architectures by name: image and vector classifiers that emit logits."""
from models.architectures.architecture import Architecture
from models.architectures.building import ARCHITECTURES
from models.architectures.building import build
from models.architectures.building import digest
from models.architectures.building import with_softmax
from models.architectures.layers import Layers

__all__ = ["ARCHITECTURES", "Architecture", "Layers", "build", "digest", "with_softmax"]
