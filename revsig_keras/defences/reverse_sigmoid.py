"""The Reverse Sigmoid perturbation: as a function and as a layer."""
from typing import Any, NamedTuple, Sequence

import keras
from keras import ops

from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.defences.base import Defence
from revsig_keras.defences.label_rule import KeepsLabel
from revsig_keras.defences.numerics import sigmoid_units
from revsig_keras.defences.numerics import softmax_head
from revsig_keras.defences.numerics.probabilities import check_dtype
from revsig_keras.defences.numerics.probabilities import check_probabilities
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import widen
from revsig_keras.defences.numerics.strength import Strength

# The errors of two computations of the lead of the top over another class, in roundings.
_ROUNDINGS = 8.0


def reverse_sigmoid(y: Tensor,
                    beta: float | Tensor = 1.0,
                    gamma: float | Tensor = 0.2,
                    preserve_top1: bool = True,
                    *,
                    from_logits: bool = False,
                    multi_label: bool = False,
                    axis: int = -1,
                    dtype: str | None = None) -> Tensor:
    """Perturbs class probabilities by the Reverse Sigmoid function.

    See `ReverseSigmoid` for the formula and its properties. This function also takes tensors for
    `beta` and `gamma` and is differentiable in them, so that they can be learned.

    Args:
        y: Class probabilities, floating point, 2 classes or more along `axis`, or 1, the
            probability of a sigmoid unit. Logits, if `from_logits`.
        beta: Float in (0, 2), or a tensor that broadcasts to `y` with `axis` moved to the end.
            Defaults to `1.0`.
        gamma: Float in (0, 1], or a tensor that broadcasts as `beta` does. Defaults to `0.2`.
        preserve_top1: Boolean, whether each row keeps its label. Defaults to `True`.
        from_logits: Boolean, whether `y` are logits. Defaults to `False`.
        multi_label: Boolean, whether each entry is a sigmoid unit of its own. Defaults to `False`.
        axis: Integer, the axis of the classes. Defaults to `-1`.
        dtype: Dtype of the result, `None` for that of `y`. It is computed in float32, or in
            float64 where `y` or the result is float64. Defaults to `None`.

    Returns:
        The perturbed probabilities, of the shape of `y`.

    Example:

    >>> y = np.array([[0.7, 0.2, 0.1]])
    >>> np.array(reverse_sigmoid(y, beta=1.0, gamma=0.2)).round(3)
    array([[0.58 , 0.237, 0.183]])
    >>> np.array(reverse_sigmoid(np.log(y), beta=1.0, gamma=0.2, from_logits=True)).round(3)
    array([[0.58 , 0.237, 0.183]])
    """
    check_parameters(beta, gamma)
    y = ops.convert_to_tensor(y)
    head = _Head(from_logits, multi_label, axis)
    head.check(y.shape, y.dtype)
    dtype = keras.backend.standardize_dtype(dtype or y.dtype)
    y = widen(y, dtype, is_bounded=True)
    strength = Strength(_like(beta, y), _like(gamma, y), preserve_top1, epsilon(dtype))
    return ops.cast(head.perturb(y, strength), dtype)


class _Head(NamedTuple):
    """Which scores a model emits, and on which axis."""
    from_logits: bool
    multi_label: bool
    axis: int

    def check(self, shape: Sequence[int | None], dtype: str | None) -> None:
        if not self.multi_label:
            check_probabilities(shape, dtype, self.axis, fewest=1)
        elif dtype is not None:
            check_dtype(dtype)

    def perturb(self, y: Tensor, strength: Strength) -> Tensor:
        """Returns the perturbed scores."""
        last = self.axis in (-1, len(y.shape) - 1)
        if not last:
            y = ops.moveaxis(y, self.axis, -1)
        head = sigmoid_units if self.multi_label or y.shape[-1] == 1 else softmax_head
        y = head.reverse_sigmoid(y, self.from_logits, strength)
        return y if last else ops.moveaxis(y, -1, self.axis)


def check_parameters(beta: float | Tensor, gamma: float | Tensor) -> None:
    """Raises `ValueError` for a `beta` or `gamma` out of range; tensors pass unchecked."""
    for name, value, top, inside, reason in (
        ("beta", beta, "< 2", lambda x: 0 < x < 2, "from 2 on, the top entry of a sure row"),
        ("gamma", gamma, "<= 1", lambda x: 0 < x <= 1, "above 1, an entry above 1/2"),
    ):
        if is_real(value) and inside(value) or hasattr(value, "shape") and not is_real(value):
            continue
        raise ValueError(f"`{name}` must be a number with 0 < {name} {top}: at 0 nothing is "
                         f"perturbed, and {reason} may turn negative. Received: {name}={value!r}")


def _like(value: float | Tensor, y: Tensor) -> float | Tensor:
    """Returns numbers as they are, which is exact, and tensors in the dtype of `y`."""
    if is_real(value):
        return float(value)
    return ops.cast(ops.convert_to_tensor(value), y.dtype)


@keras.saving.register_keras_serializable(package="revsig_keras")
class ReverseSigmoid(Defence):
    """Perturbs class probabilities by the Reverse Sigmoid function.

    It misleads a thief who trains a clone on the perturbed probabilities: the map is many-to-one,
    and over much of its range the gradient that the clone follows is reversed. The label (the top
    class) stays as it is.

    Formula:

    ```
    r(y) = beta * (s(gamma * logit(y)) - 1/2)      s(x) = 1 / (1 + exp(-x))
    output = alpha * (y - t * r(y))                alpha: the row sums to 1
    t = 1                                          if not preserve_top1
    t = clip(min_j (y_top - y_j - m) / (r_top - r_j), 0, 1)                  otherwise
    ```

    with j over the classes with y_j < y_top and r_j < r_top, and the margin
    m = 8 epsilon (y_top + |r_top|), where epsilon is that of the output's dtype. A sigmoid unit is
    the row (y, 1 - y) of two classes, where r(1 - y) = -r(y) and therefore alpha = 1.

    With `preserve_top1`, the layer keeps the label by construction. Theorem: the label (the lowest
    index of the largest entry) of the output is that of the row received. Proof:

    1. The scores y - t r of all entries equal to the largest one are set to one number, `top`.
    2. All others are below it by construction of t. Rounding may bring one closer, so all are
       lowered to top (1 - 2 epsilon), at least 1.5 steps of the output's dtype below when rounded.
    3. Multiplication by one number, the reciprocal of the sum, and the cast keep equals equal, and
       move `top` and any other by hardly more than half a step each, together by less than 1.5
       steps. So the others stay below.

    (For float16 outputs of up to 16,384 classes: 1 / classes must be a normal number.) Likewise no
    sigmoid unit crosses 1/2: one above it stays at (1 + 2 epsilon) / 2 or more, one below it at
    (1 - 2 epsilon) / 2 or less, and exactly 1/2 stays 1/2. Nothing but the label is kept: the
    order of the other classes may change, and so may decisions at a threshold other than 1/2.

    The computation is in float32 or better whatever the dtype policy. 1 - y is the sum of the
    other classes, so saturated rows are exact, and their gradients are finite. From logits, the
    log-odds are z - log(sum of the others' exp(z)), so no logit is too large, and -inf is a
    probability of 0.

    Rows need not be distributions: a row is divided by its sum, negative entries count as 0, those
    below the smallest normal number as themselves or as 0, and a row without mass as uniform. A
    sigmoid unit below 0 counts as 0, one above 1 as 1. A row (or unit) with a NaN or +inf, or whose
    sum overflows, becomes NaN without any effect on others.

    Limits: a thief who uses only the labels is not hindered, and a thief who knows or guesses
    `beta` and `gamma` can undo most of the perturbation.

    Args:
        beta: Float in (0, 2), magnitude of the perturbation. About 2 / classes moves a sure row
            by an L1 distance of 1. Defaults to `1.0`.
        gamma: Float in (0, 1], how fast the perturbation saturates. Defaults to `0.2`.
        preserve_top1: Boolean, whether each row keeps its label. `False` gives the literal
            formula of the paper, which loses labels for larger `beta`. Defaults to `True`.
        from_logits: Boolean, whether the inputs are logits. The layer then takes the place of the
            softmax (or sigmoid): in training, the output is that of the softmax. Defaults to
            `False`.
        multi_label: Boolean, whether each entry is a sigmoid unit of its own, as of a head for
            several labels. An axis of size 1 is always one unit. Defaults to `False`.
        axis: Integer, the axis of the classes. Without effect if `multi_label`. Defaults to `-1`.
        apply_in_training: Boolean, whether to perturb when `training=True` too. Defaults to
            `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Class probabilities or logits, floating point, any rank.
        training: Python boolean. When it is `True`, unless `apply_in_training` is set, the output
            is the probabilities as they are.

    Input shape:
        Any, with a fixed number of classes along `axis`.

    Output shape:
        Same as the input shape.

    Example:

    >>> layer = ReverseSigmoid(beta=1.0, gamma=0.2)
    >>> np.array(layer(np.array([[0.98, 0.02, 0.0], [0.2, 0.5, 0.3]]))).round(3)
    array([[0.53 , 0.137, 0.333],
           [0.242, 0.45 , 0.308]], dtype=float32)
    >>> layer = ReverseSigmoid(beta=1.0, gamma=0.2, from_logits=True, multi_label=True)
    >>> np.array(layer(np.array([[-20.0, 0.0, 3.0]]))).round(3)
    array([[0.482, 0.5  , 0.807]], dtype=float32)

    References:
        - [Lee et al., Defending Against Machine Learning Model Stealing Attacks Using Deceptive
          Perturbations](https://arxiv.org/abs/1806.00054), eq. (3) and (4)
    """

    ranges = {"beta": (0.0, 2.0), "gamma": (0.0, 1.0)}
    has_bounded_gradient = True

    def __init__(self,
                 beta: float = 1.0,
                 gamma: float = 0.2,
                 preserve_top1: bool = True,
                 *,
                 from_logits: bool = False,
                 multi_label: bool = False,
                 axis: int = -1,
                 apply_in_training: bool = False,
                 **kwargs: Any):
        super().__init__(apply_in_training=apply_in_training, **kwargs)
        check_parameters(beta, gamma)  # Where tensors pass.
        for name, value in (("beta", beta), ("gamma", gamma)):
            if not is_real(value):
                raise ValueError(f"`{name}` must be a number. Received: {name}={value!r}")
        self.beta = float(beta)
        self.gamma = float(gamma)
        self.preserve_top1 = check_boolean("preserve_top1", preserve_top1)
        self.from_logits = check_boolean("from_logits", from_logits)
        self.multi_label = check_boolean("multi_label", multi_label)
        self.axis = check_integer("axis", axis)

    @property
    def keeps_label(self) -> KeepsLabel:
        return "by_construction" if self.preserve_top1 else "no"

    def check_input(self, shape: Sequence[int | None], dtype: str | None = None) -> None:
        self._head().check(shape, dtype)

    def perturb(self, probabilities: Tensor) -> Tensor:
        return self._shifted(probabilities, 0.0)

    def answers_within_rounding(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the answers for the least and the largest t that rounding may lead to.

        Where two classes nearly tie, both differences of the bound that the lower one sets to t are
        some roundings, and so may be their distance from a tie, which sets no bound. Each entry is
        a quotient of linear functions of t, so it lies between those of the ends. A subclass with a
        `perturb` of its own has one answer to each row, unless it overrides this too.
        """
        if type(self).perturb is not ReverseSigmoid.perturb:
            return super().answers_within_rounding(inputs)
        y = widen(inputs, self.compute_dtype, self.has_bounded_gradient)
        least, most = (ops.cast(self._shifted(y, shift), self.compute_dtype)
                       for shift in (-_ROUNDINGS, _ROUNDINGS))
        return least, most

    def _shifted(self, y: Tensor, shift: float) -> Tensor:
        step = epsilon(self.compute_dtype)
        strength = Strength(self.beta, self.gamma, self.preserve_top1, step, shift)
        return self._head().perturb(y, strength)

    def _head(self) -> _Head:
        return _Head(self.from_logits, self.multi_label, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta": self.beta,
            "gamma": self.gamma,
            "preserve_top1": self.preserve_top1,
            "from_logits": self.from_logits,
            "multi_label": self.multi_label,
            "axis": self.axis,
        }
