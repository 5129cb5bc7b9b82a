"""The most probable classes alone: a baseline."""
import math
from typing import Any, Sequence

import keras
from keras import ops

from revsig_keras.arguments import is_integer
from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import keep_label
from revsig_keras.defences.numerics.probabilities import normalise
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import widen


def largest(y: Tensor, k: int) -> Tensor:
    """Marks the `k` largest entries of each row, of equal ones those with the lowest indices."""
    # Where equal entries come in `ops.top_k` depends on the backend; its values do not.
    least = ops.top_k(y, k)[0][..., -1:]
    above, level = y > least, ops.equal(y, least)
    room = k - ops.sum(ops.cast(above, "int32"), axis=-1, keepdims=True)
    first = ops.cumsum(ops.cast(level, "int32"), axis=-1) <= room
    return ops.logical_or(above, ops.logical_and(level, first))


@keras.saving.register_keras_serializable(package="revsig_keras")
class TopK(Defence):
    """Keeps the `k` largest class probabilities and sets all others to 0.

    A thief learns nothing about the less probable classes but that they are.

    Formula:

    ```
    output_j = y_j / (sum of the k largest y)        if y_j is one of them
    output_j = 0                                     otherwise
    ```

    Of equal probabilities those with the lowest indices are kept, so there are exactly `k`. Finding
    them is a sort under XLA, which for many classes takes far longer than a softmax.

    Theorem: the label (the lowest index of the largest entry) of the output, in the output's dtype,
    is that of the row received. Proof: it is the first to be kept. Kept entries equal to it come
    behind it and stay equal to it; the other kept ones are lowered to 2 epsilon of the output's
    dtype below it where they are not there yet; division by one sum and the cast move two entries
    by less than that towards one another.

    A row is divided by its sum, entries that are negative or below the smallest normal number count
    as 0, a row without any mass counts as uniform, and a row with a NaN or an infinity becomes NaN
    without any effect on other rows.

    Args:
        k: Integer from 1 to the number of classes, how many are kept. With `k=1` the output is that
            of `LabelOnly`; with as many as there are classes, nothing is hidden. Defaults to `1`.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = TopK(k=2)
    >>> np.array(layer(np.array([[0.6, 0.2, 0.2], [0.1, 0.3, 0.6]]))).round(3)
    array([[0.75 , 0.25 , 0.   ],
           [0.   , 0.333, 0.667]], dtype=float32)

    References:
        - [Orekondy et al., Knockoff Nets: Stealing Functionality of Black-Box
          Models](https://arxiv.org/abs/1812.02766), which steals from truncated answers
    """

    def __init__(self, k: int = 1, *, apply_in_training: bool = False, **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        if not is_integer(k) or k < 1:
            raise ValueError(f"`k` must be an integer of 1 or more. Received: k={k!r}")
        self.k = int(k)

    def perturb(self, probabilities: Tensor) -> Tensor:
        self._check_classes(probabilities.shape)
        y = widen(probabilities, self.compute_dtype)
        shares = normalise(y)
        # Rows of NaN have no order, and no 0 may hide what they are.
        kept = ops.logical_or(largest(y, self.k), ops.isnan(shares))
        scores, ranked = ops.where(kept, shares, 0.0), ops.where(kept, y, -math.inf)
        scores = keep_label(scores, ranked, epsilon(self.compute_dtype))
        return scores / row_sum(scores)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        output_shape = super().compute_output_shape(input_shape)
        self._check_classes(output_shape)
        return output_shape

    def _check_classes(self, shape):
        if self.k > shape[-1]:
            raise ValueError("`k` must be at most the number of classes. "
                             f"Received: k={self.k} for {shape[-1]} classes")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}
