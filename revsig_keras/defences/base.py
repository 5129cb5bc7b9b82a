"""The base class of all defences."""
import json
from typing import Any, get_args, Self, Sequence

import keras
from keras import ops
import numpy as np

from revsig_keras.arguments import check_boolean
from revsig_keras.defences.label_rule import keep_label
from revsig_keras.defences.label_rule import keep_sides
from revsig_keras.defences.label_rule import KeepsLabel
from revsig_keras.defences.numerics.probabilities import check_dtype
from revsig_keras.defences.numerics.probabilities import check_probabilities
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.defences.numerics.probabilities import Tensor
from revsig_keras.defences.numerics.probabilities import widen


class Defence(keras.layers.Layer):
    """A layer that perturbs class probabilities to mislead a thief who trains a clone on them.

    A subclass implements `perturb`, and `__init__` and `get_config` where it has arguments of its
    own. For each call the base class

    1. checks the input, in training too;
    2. in training, returns the input as it is, so that a model that ends in a defence trains as
       before;
    3. widens the input to float32, or to float64 where it or the output is float64;
    4. calls `perturb`;
    5. keeps the label of each row, and makes each row a distribution, by the rule in
       `revsig_keras.defences.label_rule`, which has the proof;
    6. casts to the compute dtype.

    So whatever `perturb` returns, the label (the lowest index of the largest entry received) is the
    label of the output, in float32, bfloat16 and float16. Rows with a NaN or an infinity become
    NaN, and have no effect on others.

    Its input is not autocast: under a mixed policy the defence sees the probabilities as the
    preceding layer computed them, and rounds its result only once.

    A defence can be fitted: it implements `fit_state`, and its owner calls `adapt`. The state is
    part of the configuration, so it survives `save` and `export`.

    A defence can hold secrets: `secrets` names them among the entries of its configuration. A
    `.keras` file and an export hold their values, as they hold the weights. `public_config`,
    members (see `revsig_keras.registry`) and messages do not.

    Attributes:
        from_logits: Boolean, whether the layer receives logits. `False` unless a subclass says
            otherwise, as in `multi_label` and `axis`.
        multi_label: Boolean, whether each entry it receives is a sigmoid unit of its own.
        axis: Integer, the axis of the classes. `-1` unless a subclass says otherwise.
        secrets: Tuple of strings, the secret entries of the configuration.
        keyed_by: Tuple of strings, the entries that choose one of many equally strong
            perturbations, such as the seed of a noise. They are no secret in records, but a thief
            is not assumed to know them.
        ranges: Dict from the names of continuous parameters to their open intervals `(low, high)`,
            which are finite where a thief is to learn them. `perturb` reads such a parameter from
            the attribute of that name and is differentiable in it.
        has_bounded_gradient: Boolean, whether the gradient of `perturb` is finite by itself, or
            there is none. Otherwise the base class caps it. `False` unless a subclass says
            otherwise.
        has_own_dtype: Boolean, whether the layer was given a `dtype`. If it was not, its answers
            in a `DefendedModel` keep the dtype of the scores.
        state: What `fit_state` returned, or `None`.

    Args:
        apply_in_training: Boolean, whether to perturb when `training=True` too, for a thief who
            trains through a guess of the defence. Defaults to `False`.
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
    secrets: tuple[str, ...] = ()
    keyed_by: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = {}
    has_bounded_gradient = False

    def __init__(self, *, apply_in_training: bool = False, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.apply_in_training = check_boolean("apply_in_training", apply_in_training)
        self.supports_masking = True
        self.has_own_dtype = kwargs.get("dtype") is not None
        self.state: Any = None

    @property
    def keeps_label(self) -> KeepsLabel:
        """How the layer keeps the label of each row.

        `"enforced"`, the default: the base class keeps it. `"by_construction"`: `perturb` keeps it
        and returns distributions, and the base class only casts, so that rows chosen from constants
        are these constants to the bit; `revsig_keras.testing.check_defence` tries it. `"no"`:
        labels may change, and the base class only casts.
        """
        return "enforced"

    def perturb(self, probabilities: Tensor) -> Tensor:
        """Returns the perturbed rows.

        Args:
            probabilities: The rows as received (logits, if `from_logits`) in float32 or float64.
                They need not sum to 1.

        Returns:
            Scores of the same shape, floating point. Where the label is enforced, they need not be
            normalised, negative ones count as 0, and a score of 0 withholds a class.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `perturb`.")

    def check_input(self, shape: Sequence[int | None], dtype: str | None = None) -> None:
        """Raises `ValueError` unless the layer can be called on this shape and dtype.

        A subclass that expects more, such as a number of classes, adds its checks here, not in
        `perturb`, which is not called in training.
        """
        if not self.multi_label:
            check_probabilities(shape, dtype, self.axis)
        elif dtype is not None:
            check_dtype(dtype)

    def clean(self, inputs: Tensor) -> Tensor:
        """Returns the probabilities without the defence, as in training."""
        if not self.from_logits:
            return inputs
        logits = widen(inputs, self.compute_dtype)
        if self._has_units(inputs):
            return ops.sigmoid(logits)
        return ops.softmax(logits, axis=self.axis)

    def answers_within_rounding(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Returns two answers to each row, between which other exact computations have theirs.

        So a SavedModel of another version or compiler is known by its answers, though rounding
        decides some of them where the defence divides differences that cancel. Unless a subclass
        says otherwise, both are the layer's answer.

        Args:
            inputs: The rows as the layer receives them.

        Returns:
            Two tensors; each entry may be larger in the one or in the other.
        """
        answer = self(inputs, training=False)
        return answer, answer

    def fit_state(self, probabilities: np.ndarray, labels: np.ndarray | None) -> Any:
        """Returns the state that the defence learns from clean rows: by default `None`, nothing.

        Args:
            probabilities: NumPy array of rows as the layer receives them.
            labels: NumPy array of the rows' true classes, or `None`.

        Returns:
            Dicts, lists, text, numbers, booleans and NumPy arrays (which become lists). It is
            `self.state` in `perturb`.
        """
        return None

    @property
    def is_fittable(self) -> bool:
        """Whether the defence is fitted to data: it implements `fit_state`."""
        return type(self).fit_state is not Defence.fit_state

    def adapt(self, probabilities: Any, labels: Any = None) -> None:
        """Fits the defence to clean rows, as `adapt` fits a preprocessing layer of Keras.

        A defence without `fit_state` has nothing to fit and stays as it is. Call it before the
        layer is used: what was traced or compiled would keep the old state.

        Args:
            probabilities: Array of rows as the layer receives them, such as the clean answers of
                the classifier to its validation rows.
            labels: Array of the rows' true classes, for a defence that needs them. Defaults to
                `None`.
        """
        if not self.is_fittable:
            return
        if self.built:
            raise ValueError("`adapt` must be called before the layer is used. Make a new one: "
                             f"`{type(self).__name__}.from_config(layer.get_config())`")
        probabilities = np.asarray(probabilities)
        self.check_input(probabilities.shape, probabilities.dtype.name)
        labels = None if labels is None else np.asarray(labels)
        if not len(probabilities) or labels is not None and len(labels) != len(probabilities):
            raise ValueError("`probabilities` must have a row or more, and `labels`, if given, as "
                             f"many. Received: {len(probabilities)} rows, "
                             f"labels={'None' if labels is None else len(labels)}")
        # By way of JSON, so that the layer computes the same before and after it was saved.
        self.state = json.loads(json.dumps(self.fit_state(probabilities, labels), default=_listed))

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        self.check_input(inputs.shape, inputs.dtype)
        if training and not self.apply_in_training:
            return ops.cast(self.clean(inputs), self.compute_dtype)
        if self.state is None and self.is_fittable:
            raise ValueError(f"`{type(self).__name__}` must be fitted before it is used: call "
                             "`adapt(probabilities)` with clean rows")
        y = widen(inputs, self.compute_dtype, self.has_bounded_gradient)
        return ops.cast(self._defend(y), self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        self.check_input(input_shape)
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "apply_in_training": self.apply_in_training}
        return config if self.state is None else {**config, "state": self.state}

    def public_config(self) -> dict[str, Any]:
        """Returns the configuration without the values of secrets, for records and messages."""
        return _without_secrets(self.get_config(), self.secrets)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        state = config.pop("state", None)
        try:
            layer = super().from_config(config)
        except Exception as error:
            if not cls.secrets:
                raise
            # The message has the configuration.
            raise ValueError(f"`{cls.__name__}` cannot be made from the configuration "
                             f"{_without_secrets(config, cls.secrets)}: "
                             f"{type(error).__name__}") from None
        layer.state = state
        return layer

    def _defend(self, y: Tensor) -> Tensor:
        scores = self.perturb(y)
        if self.keeps_label not in get_args(KeepsLabel):
            raise ValueError(f"`keeps_label` must be one of {get_args(KeepsLabel)}. "
                             f"Received: keeps_label={self.keeps_label!r}")
        if self.keeps_label != "enforced":
            return scores
        scores = ops.cast(scores, y.dtype)
        if len(scores.shape) != len(y.shape) or scores.shape[-1] != y.shape[-1]:
            raise ValueError("`perturb` must return scores of the shape that it receives, "
                             f"{tuple(y.shape)}. Received: {tuple(scores.shape)}")
        step = epsilon(self.compute_dtype)
        if self._has_units(y):
            return keep_sides(scores, y, 0.0 if self.from_logits else 0.5, step)
        if self.axis in (-1, len(y.shape) - 1):
            return keep_label(scores, y, step)
        scores, y = (ops.moveaxis(x, self.axis, -1) for x in (scores, y))
        return ops.moveaxis(keep_label(scores, y, step), -1, self.axis)

    def _has_units(self, inputs: Tensor) -> bool:
        return self.multi_label or inputs.shape[self.axis] == 1


def _without_secrets(config: dict[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    return {key: "<secret>" if key in secrets else value for key, value in config.items()}


def _listed(array: Any) -> Any:
    """Returns an array as lists, which JSON can hold."""
    if not isinstance(array, (np.ndarray, np.generic)):
        raise TypeError(f"`fit_state` must return what JSON can hold. Received: {type(array)}")
    return array.tolist()
