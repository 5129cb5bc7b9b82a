"""Noise that is a function of the row: a baseline."""
from typing import Any

import keras
from keras import ops
import numpy as np

from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import mass
from revsig_keras.defences.numerics.probabilities import normalise
from revsig_keras.defences.numerics.probabilities import Tensor


def keyed_uniform(y: Tensor, seed: int) -> Tensor:
    """Returns numbers in (0, 1), float32, that depend on `seed` and the row in float32 alone.

    All arithmetic is on integers modulo 2^32, or exact, so no batch, order of summation or
    compilation changes a bit of them.
    """
    salts = np.random.SeedSequence(seed).generate_state(2 * y.shape[-1]).view("int32")
    row_salts, noise_salts = np.split(salts, 2)
    # The mass has one form of zero, and no number so small that some processors flush it.
    bits = ops.view(mass(ops.cast(y, "float32"))[0], "int32")
    key = ops.sum(_mix(ops.bitwise_xor(bits, row_salts)), axis=-1, keepdims=True)
    noise = _shift_right(_mix(ops.bitwise_xor(key, noise_salts)), 9)
    return ops.cast(2 * noise + 1, "float32") * 2.0**-24


def _mix(x: Tensor) -> Tensor:
    """Maps int32 one to one (the low-bias hash of C. Wellons' hash-prospector)."""
    x = ops.bitwise_xor(x, _shift_right(x, 16)) * 0x7FEB352D
    x = ops.bitwise_xor(x, _shift_right(x, 15)) * (0x846CA68B - 2**32)
    return ops.bitwise_xor(x, _shift_right(x, 16))


def _shift_right(x: Tensor, count: int) -> Tensor:
    """Shifts as if numbers were unsigned, which not all backends have."""
    return ops.bitwise_and(ops.right_shift(x, count), 2**(32 - count) - 1)


@keras.saving.register_keras_serializable(package="revsig_keras")
class RandomNoise(Defence):
    """Mixes class probabilities with noise that is a keyed function of the row.

    The same row gets the same noise in any batch, at any position, in any process, eager or
    compiled. So the layer has no state, and asking again tells a thief nothing new.

    Formula:

    ```
    output = (1 - scale) y + scale u / sum(u)      u_j: uniform in (0, 1), a hash of seed and y
    ```

    Where noise puts another class ahead, the base class raises the label to that class's score and
    lowers that class to just below it.

    The L1 distance of the mixture from y is at most 2 scale for any number of classes. The
    layer costs about as much time as `ReverseSigmoid`.

    Limits: the hash sees each entry in float32, down to the last bit. Two different rows get the
    same noise with a probability of about 2^-32, but a victim whose probabilities differ in the
    last bit from one batch size or machine to the next gives different noise there, and a thief
    who varies an input slightly can average over the answers, at the price of a query each. The
    hash is not cryptographic: a thief who knows `seed` may undo much of the noise.

    A row is divided by its sum, entries that are negative or below the smallest normal number count
    as 0, a row without any mass counts as uniform, and a row with a NaN or an infinity becomes NaN
    without any effect on other rows. Gradients are those of the formula at constant u.

    Args:
        scale: Float in (0, 1], the weight of the noise in an answer. Defaults to `0.1`.
        seed: Integer of 0 or more; other seeds give other noise. Defaults to `0`.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments and shapes are those of `Defence`.

    Example:

    >>> layer = RandomNoise(scale=0.3, seed=1)
    >>> np.array(layer(np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]))).round(3)
    array([[0.692, 0.161, 0.147],
           [0.692, 0.161, 0.147]], dtype=float32)

    References:
        - [Orekondy et al., Prediction Poisoning: Towards Defenses Against DNN Model Stealing
          Attacks](https://arxiv.org/abs/1906.10908), where random noise is a baseline
    """

    keyed_by = ("seed",)
    ranges = {"scale": (0.0, 1.0)}

    def __init__(self,
                 scale: float = 0.1,
                 seed: int = 0,
                 *,
                 apply_in_training: bool = False,
                 **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        if not is_real(scale) or not 0 < scale <= 1:
            raise ValueError(
                "`scale` must be a number with 0 < scale <= 1, the weight of the noise "
                f"in an answer. Received: scale={scale!r}")
        self.scale = float(scale)
        self.seed = check_integer("seed", seed, least=0)

    def perturb(self, probabilities: Tensor) -> Tensor:
        noise = ops.cast(keyed_uniform(probabilities, self.seed), probabilities.dtype)
        return (1.0 - self.scale) * normalise(probabilities) + self.scale * normalise(noise)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "seed": self.seed}
