"""One compiled model for all clones of an architecture."""

from collections.abc import Iterator, Sequence
import contextlib
import os
import threading

import keras
import numpy as np

from models import inference
from models.architectures import with_softmax
from models.data.streamed import Inputs
from models.gradients import input_gradients


class SharedModel:
    """A model that takes over the weights of whichever clone is asked, one call at a time.

    Compiling a model takes longer than most calls of it, so the clones of an architecture share
    one.

    Args:
        model: Emits logits `[n, num_classes]`.
    """

    def __init__(self, model: keras.Model):
        self._model = model
        self._lock = threading.Lock()
        self._weights: Sequence[np.ndarray] | None = None

    def logits(self, weights: Sequence[np.ndarray], inputs: Inputs) -> np.ndarray:
        """The logits of the model with these weights, `[n, num_classes]`."""
        with self._holding(weights) as model:
            return inference.predict(model, inputs)

    def probabilities(self, weights: Sequence[np.ndarray], inputs: Inputs) -> np.ndarray:
        """The softmax of its logits, float32."""
        with self._holding(weights) as model:
            return inference.probabilities(model, inputs)

    def gradients(self, weights: Sequence[np.ndarray], inputs: np.ndarray, classes: np.ndarray,
                  of: str) -> np.ndarray:
        """The gradients of a score of each row; see `models.gradients.input_gradients`."""
        with self._holding(weights) as model:
            return input_gradients(model, inputs, classes, of=of)

    def save(self, weights: Sequence[np.ndarray], path: str | os.PathLike) -> None:
        """Writes the model with these weights, with a softmax at its end, as a Keras file."""
        with self._holding(weights) as model:
            with_softmax(model).save(path)

    @contextlib.contextmanager
    def _holding(self, weights) -> Iterator[keras.Model]:
        with self._lock:
            if self._weights is not weights:
                self._model.set_weights(weights)
                self._weights = weights
            yield self._model
