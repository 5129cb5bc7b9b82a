"""The Reverse Sigmoid perturbation: as a function and as a layer."""
import math
import numbers

import keras
from keras import ops

from revsig_keras.defence import Defence
from revsig_keras.probabilities import check_probabilities
from revsig_keras.probabilities import epsilon
from revsig_keras.probabilities import keep_label
from revsig_keras.probabilities import mass
from revsig_keras.probabilities import row_sum
from revsig_keras.probabilities import widen


def reverse_sigmoid(y, beta=1.0, gamma=0.2, preserve_top1=True, dtype=None):
    """Perturbs class probabilities by the Reverse Sigmoid function.

    See `ReverseSigmoid` for the formula and its properties. This function also takes tensors for
    `beta` and `gamma` and is differentiable in them, so that they can be learned.

    Args:
        y: Class probabilities, `(..., classes)`, floating point, 2 classes or more.
        beta: Float in (0, 2), or a tensor that broadcasts to `y`. Defaults to `1.0`.
        gamma: Float in (0, 1], or a tensor that broadcasts to `y`. Defaults to `0.2`.
        preserve_top1: Boolean, whether each row keeps its label. Defaults to `True`.
        dtype: Dtype of the result, `None` for that of `y`. It is computed in float32, or in
            float64 where `y` or the result is float64. Defaults to `None`.

    Returns:
        The perturbed probabilities, of the shape of `y`.

    Example:

    >>> y = np.array([[0.7, 0.2, 0.1]])
    >>> np.array(reverse_sigmoid(y, beta=1.0, gamma=0.2)).round(3)
    array([[0.58 , 0.237, 0.183]])
    """
    check_parameters(beta, gamma)
    y = ops.convert_to_tensor(y)
    check_probabilities(y.shape, y.dtype)
    dtype = keras.backend.standardize_dtype(dtype or y.dtype)
    step = epsilon(dtype)

    y = widen(y, dtype)
    beta, gamma = _like(beta, y), _like(gamma, y)
    minor, total, upper = _minor_side(y)
    share = minor / total  # The smaller one of y and 1 - y.
    small, lift = _sigmoid(gamma, minor, total - minor)

    scale = 1.0
    if preserve_top1:
        scale = _safe_scale(ops.where(upper, 1.0 - share, share),
                            ops.where(upper, beta * lift, -beta * lift), step)
    # y - scale * r. Above 1/2 it is arranged so that 1 - beta / 2, which may be small, is exact.
    below = share + scale * (beta * lift)
    above = (1.0 - scale) + scale * (1.0 - beta / 2.0) - share + scale * (beta * small)
    scores = ops.where(upper, above, below)
    if preserve_top1:
        scores = keep_label(scores, y, step)
    return ops.cast(scores / row_sum(scores), dtype)


def check_parameters(beta, gamma):
    """Raises `ValueError` for a `beta` or `gamma` out of range; tensors pass unchecked."""
    for name, value, top, inside, reason in (
        ("beta", beta, "< 2", lambda x: 0 < x < 2, "from 2 on, the top entry of a sure row"),
        ("gamma", gamma, "<= 1", lambda x: 0 < x <= 1, "above 1, an entry above 1/2"),
    ):
        is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if is_number and inside(value) or hasattr(value, "shape") and not is_number:
            continue
        raise ValueError(f"`{name}` must be a number with 0 < {name} {top}: at 0 nothing is "
                         f"perturbed, and {reason} may turn negative. Received: {name}={value!r}")


def _like(value, y):
    """Python numbers stay exact; tensors get the dtype of `y`."""
    if isinstance(value, numbers.Real):
        return float(value)
    return ops.cast(ops.convert_to_tensor(value), y.dtype)


def _minor_side(y):
    """Returns min(y, 1 - y) and 1 as multiples of the sum of the row, and where y > 1/2.

    1 - y is the sum of the other classes, so nothing cancels: it is summed up for the one class
    that can be above 1/2, and `total - y` is at least half of `total` for all others.
    """
    y, total = mass(y)
    upper = y > total / 2.0
    others = row_sum(ops.where(upper, 0.0, y))
    return ops.where(upper, others, y), total, upper


def _sigmoid(gamma, minor, major):
    """Returns s(-z) and 1/2 - s(-z) for z = gamma log(major / minor) >= 0, each exactly."""
    known = minor > 0.0
    log_odds = ops.log(ops.where(known, minor, 1.0)) - ops.log(major)
    power = ops.where(known, ops.exp(gamma * log_odds), 0.0)
    small = power / (1.0 + power)
    # 1 - power cancels near 1, where tanh does not; the slope of tanh cancels far from it.
    near = power > 0.5
    half_tanh = -0.5 * ops.tanh(ops.where(near, 0.5 * gamma * log_odds, 0.0))
    return small, ops.where(near, half_tanh, 0.5 * (1.0 - power) / (1.0 + power))


def _safe_scale(y, r, step):
    """Returns the largest scale in [0, 1] of r that leaves the top of each row on top."""
    # With `initial`, batches may be empty. r grows with y, so the largest one is that of the top.
    top_y = ops.max(y, axis=-1, keepdims=True, initial=0.0)
    top_r = ops.max(r, axis=-1, keepdims=True, initial=-math.inf)
    lead = top_y - y - 8.0 * step * (top_y + ops.abs(top_r))
    loss = top_r - r
    binds = ops.logical_and(y < top_y, ops.logical_and(loss > 0.0, lead < loss))
    ratio = ops.maximum(lead, 0.0) / ops.where(binds, loss, 1.0)
    return ops.min(ops.where(binds, ratio, 1.0), axis=-1, keepdims=True, initial=1.0)


@keras.saving.register_keras_serializable(package="revsig_keras")
class ReverseSigmoid(Defence):
    """Perturbs class probabilities by the Reverse Sigmoid function.

    A thief who trains a clone on the perturbed probabilities is led astray: the map is
    many-to-one, and over much of its range the gradient that the clone follows is reversed. The
    label (the top class) stays as it is.

    Formula:

    ```
    r(y) = beta * (s(gamma * logit(y)) - 1/2)      s(x) = 1 / (1 + exp(-x))
    output = alpha * (y - t * r(y))                alpha: the row sums to 1
    t = 1                                          if not preserve_top1
    t = clip(min_j (y_top - y_j - m) / (r_top - r_j), 0, 1)                  otherwise
    ```

    with j over the classes with y_j < y_top and r_j < r_top, and the margin
    m = 8 epsilon (y_top + |r_top|), epsilon that of the output's dtype.

    Theorem: with `preserve_top1`, the label (the lowest index of the largest entry) of the output,
    in the output's dtype, is that of the row received. Proof:

    1. The scores y - t r of all entries equal to the largest one are set to one number, `top`.
    2. All others are below it by construction of t, and are lowered to top (1 - 2 epsilon) where
       they are not, or hardly: at least 1.5 steps of the output's dtype below, when rounded.
    3. Division by one sum and the cast keep equals equal, and move `top` and any other by hardly
       more than half a step each, together by less than 1.5 steps: what is below stays below.

    (For float16 outputs of up to 16,384 classes: 1 / classes must be a normal number.)

    The computation is in float32 or better whatever the dtype policy. 1 - y is the sum of the
    other classes, so saturated rows are exact, and their gradients are finite. Rows need not be
    distributions: a row is divided by its sum, entries that are negative or below the smallest
    normal number count as 0, a row without any mass counts as uniform, and a row with a NaN or
    an infinity becomes NaN without any effect on other rows.

    Limits: a thief who uses only the labels is not hindered, and one who knows or guesses `beta`
    and `gamma` can undo most of the perturbation.

    Args:
        beta: Float in (0, 2), magnitude of the perturbation. About 2 / classes moves a sure row
            by an L1 distance of 1. Defaults to `1.0`.
        gamma: Float in (0, 1], how fast the perturbation saturates. Defaults to `0.2`.
        preserve_top1: Boolean, whether each row keeps its label. `False` gives the literal
            formula of the paper, which loses labels for larger `beta`. Defaults to `True`.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Class probabilities, `(..., classes)`, floating point, 2 classes or more.
        training: Python boolean. The layer is the identity when it is `True`, unless
            `apply_in_training` is set.

    Input shape:
        `(..., classes)`, any rank.

    Output shape:
        Same as the input shape.

    Example:

    >>> layer = ReverseSigmoid(beta=1.0, gamma=0.2)
    >>> np.array(layer(np.array([[0.98, 0.02, 0.0], [0.2, 0.5, 0.3]]))).round(3)
    array([[0.53 , 0.137, 0.333],
           [0.242, 0.45 , 0.308]], dtype=float32)

    References:
        - [Lee et al., Defending Against Machine Learning Model Stealing Attacks Using Deceptive
          Perturbations](https://arxiv.org/abs/1806.00054), eq. (3) and (4)
    """

    def __init__(self,
                 beta=1.0,
                 gamma=0.2,
                 preserve_top1=True,
                 *,
                 apply_in_training=False,
                 **kwargs):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        for name, value in (("beta", beta), ("gamma", gamma)):
            if not isinstance(value, numbers.Real):
                raise ValueError(f"`{name}` must be a number. Received: {name}={value!r}")
        check_parameters(beta, gamma)
        if not isinstance(preserve_top1, bool):
            raise ValueError("`preserve_top1` must be a boolean. "
                             f"Received: preserve_top1={preserve_top1!r}")
        self.beta = float(beta)
        self.gamma = float(gamma)
        self.preserve_top1 = preserve_top1

    def perturb(self, probabilities):
        return reverse_sigmoid(probabilities,
                               self.beta,
                               self.gamma,
                               self.preserve_top1,
                               dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "beta": self.beta,
            "gamma": self.gamma,
            "preserve_top1": self.preserve_top1,
        }
