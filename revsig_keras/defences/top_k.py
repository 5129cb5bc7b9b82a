"""The most probable classes alone: a baseline."""
from typing import Any, Sequence

import keras
from keras import ops

from revsig_keras.arguments import check_integer
from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import normalise
from revsig_keras.defences.numerics.probabilities import Tensor


def among_largest(y: Tensor, k: int) -> Tensor:
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

    A thief learns nothing of the less probable classes but that they are less probable.

    Formula:

    ```
    output_j = y_j / (sum of the k largest y)        if y_j is one of them
    output_j = 0                                     otherwise
    ```

    Of equal probabilities those with the lowest indices are kept, so there are exactly `k`. Under
    XLA this is a sort, which for many classes takes far longer than a softmax.

    A row is divided by its sum, entries that are negative or below the smallest normal number count
    as 0, a row without any mass counts as uniform, and a row with a NaN or an infinity becomes NaN
    without any effect on other rows.

    Args:
        k: Integer from 1 to the number of classes, how many are kept. With `k=1` the output is that
            of `LabelOnly`; with `k` the number of classes, nothing is hidden. Defaults to `1`.
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
        self.k = check_integer("k", k, least=1)

    def check_input(self, shape: Sequence[int | None], dtype: str | None = None) -> None:
        super().check_input(shape, dtype)
        classes = shape[-1] or 0
        if self.k > classes:
            raise ValueError("`k` must be at most the number of classes. "
                             f"Received: k={self.k} for {classes} classes")

    def perturb(self, probabilities: Tensor) -> Tensor:
        return ops.where(among_largest(probabilities, self.k), normalise(probabilities), 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}
