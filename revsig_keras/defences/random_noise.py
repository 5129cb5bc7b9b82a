"""Noise that is a function of the row: a baseline."""
from typing import Any

import keras
from keras import ops
import numpy as np

from revsig_keras.arguments import is_integer
from revsig_keras.arguments import is_real
from revsig_keras.defences.base import Defence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import keep_label
from revsig_keras.defences.numerics.probabilities import mass
from revsig_keras.defences.numerics.probabilities import normalise
from revsig_keras.defences.numerics.probabilities import row_sum
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import widen


def keyed_uniform(y: Tensor, seed: int) -> Tensor:
    """Numbers in (0, 1), float32, that are a function of `seed` and of the row as float32 alone.

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


def _mix(x):
    """A bijection of int32 (the low-bias hash of C. Wellons' hash-prospector)."""
    x = ops.bitwise_xor(x, _shift_right(x, 16)) * 0x7FEB352D
    x = ops.bitwise_xor(x, _shift_right(x, 15)) * (0x846CA68B - 2**32)
    return ops.bitwise_xor(x, _shift_right(x, 16))


def _shift_right(x, count):
    """As of unsigned numbers, which not all backends have."""
    return ops.bitwise_and(ops.right_shift(x, count), 2**(32 - count) - 1)


@keras.saving.register_keras_serializable(package="revsig_keras")
class RandomNoise(Defence):
    """Mixes class probabilities with noise that is a keyed function of the row.

    The same row gets the same noise, in any batch, at any position, in any process, eager or
    compiled. So the layer has no state, and a thief averages nothing out by asking again.

    Formula:

    ```
    output = (1 - scale) y + scale u / sum(u)      u_j: uniform in (0, 1), a hash of seed and y
    ```

    and where noise puts another class ahead, the label is raised to it, that class is lowered to 2
    epsilon of the output's dtype below, and the row is normalised again.

    Theorem: the label (the lowest index of the largest entry) of the output, in the output's dtype,
    is that of the row received. Proof: the entries equal to the largest one are set to the largest
    score; all others are lowered to 2 epsilon below it where they are not there yet; division by
    one sum and the cast move two entries by less than that towards one another.

    The mixture is at an L1 distance of at most 2 scale from y, whatever the number of classes. The
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
        scale: Float in (0, 1], the share of noise in an answer. Defaults to `0.1`.
        seed: Integer of 0 or more, the key; other seeds give other noise. Defaults to `0`.
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

    def __init__(self,
                 scale: float = 0.1,
                 seed: int = 0,
                 *,
                 apply_in_training: bool = False,
                 **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        if not is_real(scale) or not 0 < scale <= 1:
            raise ValueError("`scale` must be a number with 0 < scale <= 1, the share of noise in "
                             f"an answer. Received: scale={scale!r}")
        if not is_integer(seed) or seed < 0:
            raise ValueError(f"`seed` must be an integer of 0 or more. Received: seed={seed!r}")
        self.scale = float(scale)
        self.seed = int(seed)

    def perturb(self, probabilities: Tensor) -> Tensor:
        y = widen(probabilities, self.compute_dtype)
        noise = normalise(ops.cast(keyed_uniform(y, self.seed), y.dtype))
        scores = (1.0 - self.scale) * normalise(y) + self.scale * noise
        # With `initial`, batches may be empty.
        highest = ops.max(scores, axis=-1, keepdims=True, initial=0.0)
        is_top = ops.equal(y, ops.max(y, axis=-1, keepdims=True, initial=-np.inf))
        scores = ops.where(is_top, highest, scores)
        scores = keep_label(scores, y, epsilon(self.compute_dtype))
        return scores / row_sum(scores)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "seed": self.seed}
