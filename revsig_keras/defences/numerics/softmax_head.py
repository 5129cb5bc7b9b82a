"""The Reverse Sigmoid of softmax heads: rows of classes that exclude one another."""
import keras
from keras import ops
import numpy as np

from revsig_keras.arguments import is_real
from revsig_keras.defences.numerics import softmax_rows
from revsig_keras.defences.numerics.probabilities import capped
from revsig_keras.defences.numerics.probabilities import Gradient
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import with_gradient
from revsig_keras.defences.numerics.softmax_gradient import gradients
from revsig_keras.defences.numerics.softmax_scores import perturb
from revsig_keras.defences.numerics.strength import Strength


def reverse_sigmoid(y: Tensor, from_logits: bool, strength: Strength) -> Tensor:
    """Returns y - t r, normalised, with a finite gradient; see `ReverseSigmoid`.

    One gradient in closed form belongs to the whole map, so that the map itself is free of
    operations that only a gradient needs.

    Args:
        y: Probabilities, which need not sum to 1, or logits, with the classes on the last axis.
        from_logits: Boolean, whether they are logits.
        strength: How they are perturbed.
    """
    learned = {
        name: value
        for name, value in (("beta", strength.beta), ("gamma", strength.gamma))
        if not is_real(value)
    }

    def value_and_gradient(y: Tensor, *parameters: Tensor) -> tuple[Tensor, Gradient]:
        given = strength._replace(**dict(zip(learned, parameters)))
        read = softmax_rows.from_logits if from_logits else softmax_rows.from_probabilities
        rows = read(y, given.preserve_top1)
        scores = perturb(rows, given)

        def gradient(upstream: Tensor) -> Tensor | tuple[Tensor, ...]:
            found = gradients(rows, scores, given, upstream)
            own = found.logarithms if from_logits else _of_amounts(found.logarithms, y)
            own = capped(own, keras.backend.standardize_dtype(y.dtype))
            if not parameters:
                return own
            return own, *(_summed_to(value, getattr(found, name))
                          for name, value in zip(learned, parameters))

        # One division a row: XLA does not vectorise those of rows of few classes.
        return scores.scores * (1.0 / (scores.total + rows.spoilt)), gradient

    return with_gradient(value_and_gradient, y, *learned.values())


def _of_amounts(logarithms: Tensor, y: Tensor) -> Tensor:
    """Returns the gradient of `y` from that of log(y); 0 where nothing counts."""
    tiny = float(np.finfo(keras.backend.standardize_dtype(y.dtype)).tiny)
    # Apply `where` after the division: a compiler may hoist the divisor, which then underflows.
    return ops.where(y > 0.0, logarithms / ops.maximum(y, tiny), 0.0)


def _summed_to(value: Tensor, gradient: Tensor) -> Tensor:
    """Returns a gradient summed over the axes along which `value` was broadcast."""
    extra = len(gradient.shape) - len(value.shape)
    axes = tuple(range(extra)) + tuple(extra + axis
                                       for axis, size in enumerate(value.shape)
                                       if size == 1 and gradient.shape[extra + axis] != 1)
    return ops.reshape(ops.sum(gradient, axis=axes), ops.shape(value)) if axes else gradient
