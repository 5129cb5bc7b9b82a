"""Rounded probabilities: a baseline."""
from typing import Any

import keras
from keras import ops

from revsig_keras.arguments import check_integer
from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import normalise
from revsig_keras.defences.numerics.probabilities import Tensor


@keras.saving.register_keras_serializable(package="revsig_keras")
class Rounding(Defence):
    """Rounds class probabilities to a number of decimals.

    A thief gets fewer digits, and no class below half a unit of the last decimal. This baseline
    costs an honest user least, and a thief little.

    Formula:

    ```
    n_j = y_j * 10^decimals, rounded to an integer, halves to even
    output_j = n_j / sum(n)         1 / classes, if all n are 0
    ```

    The base class keeps the label: it lowers a class that would tie with it by 2 epsilon of the
    output's dtype. So a row where nothing reaches half a unit, such as a uniform one of 1,000
    classes at one decimal, becomes uniform but for those 2 epsilon. The label shows even where
    rounding alone would hide it, and the order of the other classes may change to ties.

    Entries are rounded as they are received, so neither the batch nor compilation can move one
    across half a unit; only then is the row divided by its sum. Negative entries count as 0, and a
    row with a NaN or an infinity becomes NaN without any effect on other rows. The map is piecewise
    constant: nothing can be trained through it.

    Args:
        decimals: Integer from 0 to 7, the number of decimals that are kept; float32 has no more.
            Defaults to `1`.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = Rounding(decimals=1)
    >>> np.array(layer(np.array([[0.82, 0.14, 0.04], [0.34, 0.34, 0.32]]))).round(3)
    array([[0.889, 0.111, 0.   ],
           [0.333, 0.333, 0.333]], dtype=float32)

    References:
        - [Tramèr et al., Stealing Machine Learning Models via Prediction
          APIs](https://arxiv.org/abs/1609.02943)
    """

    def __init__(self, decimals: int = 1, *, apply_in_training: bool = False, **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        self.decimals = check_integer("decimals", decimals, 0, 7, "float32 has no more")

    def perturb(self, probabilities: Tensor) -> Tensor:
        return normalise(ops.round(probabilities * 10.0**self.decimals))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decimals": self.decimals}
