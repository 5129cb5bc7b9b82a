"""The label alone: the baseline for all defences that keep the label."""
import keras
from keras import ops

from revsig_keras.defences.base import Defence
from revsig_keras.defences.label_rule import is_label
from revsig_keras.defences.numerics.probabilities import Tensor


@keras.saving.register_keras_serializable(package="revsig_keras")
class LabelOnly(Defence):
    """Answers with the label alone, as a one-hot row.

    Every answer that keeps the label tells a thief at least this, so no other defence that keeps
    it can do better against a thief who knows the defence. An honest user loses all confidences.

    Formula:

    ```
    output_j = 1        if j is the lowest index of the largest y
    output_j = 0        otherwise
    ```

    A row with a NaN or an infinity becomes NaN without any effect on other rows. The map is
    piecewise constant: nothing can be trained through it.

    Args:
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = LabelOnly()
    >>> np.array(layer(np.array([[0.6, 0.3, 0.1], [0.2, 0.4, 0.4]])))
    array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)

    References:
        - [Tramèr et al., Stealing Machine Learning Models via Prediction
          APIs](https://arxiv.org/abs/1609.02943)
    """

    def perturb(self, probabilities: Tensor) -> Tensor:
        return ops.cast(is_label(probabilities), probabilities.dtype)
