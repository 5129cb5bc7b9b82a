"""The base class of all defences."""
from typing import Any, Sequence

import keras
from keras import ops

from revsig_keras.defences.numerics.probabilities import check_probabilities
from revsig_keras.defences.numerics.probabilities import Tensor


class Defence(keras.layers.Layer):
    """A layer that perturbs class probabilities to mislead whoever trains on them.

    A subclass implements `perturb` and, where it has arguments of its own, `__init__` and
    `get_config`. It is the identity in training, so a model that ends in it trains as before.

    Attributes:
        from_logits: Boolean, whether the layer receives logits. `False` unless a subclass says
            otherwise, as in `multi_label` and `axis`.
        multi_label: Boolean, whether each entry it receives is a sigmoid unit of its own.
        axis: Integer, the axis of the classes. `-1` unless a subclass says otherwise.

    Its input is not autocast: under a mixed policy the defence sees the probabilities as the
    preceding layer computed them, and rounds its result to the compute dtype only once.

    Args:
        apply_in_training: Boolean, whether to perturb when `training=True` too, as a thief who
            trains through a guess of the defence needs it. Defaults to `False`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Class probabilities, `(..., classes)`, floating point, 2 classes or more.
        training: Python boolean. The layer is the identity when it is `True`, unless
            `apply_in_training` is set.

    Input shape:
        `(..., classes)`, any rank.

    Output shape:
        Same as the input shape.
    """

    from_logits = False
    multi_label = False
    axis = -1

    def __init__(self, *, apply_in_training: bool = False, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        if not isinstance(apply_in_training, bool):
            raise ValueError("`apply_in_training` must be a boolean. "
                             f"Received: apply_in_training={apply_in_training!r}")
        self.apply_in_training = apply_in_training
        self.supports_masking = True

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        self.check_input(inputs.shape, inputs.dtype)
        if training and not self.apply_in_training:
            return ops.cast(self.clean(inputs), self.compute_dtype)
        return ops.cast(self.perturb(inputs), self.compute_dtype)

    def check_input(self, shape: Sequence[int | None], dtype: str | None = None) -> None:
        """Raises `ValueError` unless the layer can be called on this shape and dtype."""
        check_probabilities(shape, dtype)

    def clean(self, inputs: Tensor) -> Tensor:
        """Returns the probabilities without the defence, as in training: the inputs themselves."""
        return inputs

    def perturb(self, probabilities: Tensor) -> Tensor:
        """Returns the perturbed probabilities: same shape, each row again a distribution."""
        raise NotImplementedError(f"{type(self).__name__} must implement `perturb`.")

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        self.check_input(input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "apply_in_training": self.apply_in_training}
