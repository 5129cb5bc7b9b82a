"""The parts that the docstrings of all metrics of labelled rows have in common."""
from typing import TypeVar

_PARTS = {
    "{invalid rows}":
        """A row that is not a distribution, or has no valid true label, makes the
    result NaN, unless its sample weight is 0.""",
    "{dtype}":
        """dtype: Optional dtype of the sums; `None` for Keras' default. Defaults to `None`.""",
    "{call arguments}":
        """Call arguments:
        y_true: Labels from 0 up, of shape `(...)` or `(..., 1)`, or one-hot, `(..., classes)`.
        y_pred: Probabilities, `(..., classes)`, 2 classes or more.
        sample_weight: Optional weights, scalar, `(...)` or `(..., 1)`.""",
}
_Metric = TypeVar("_Metric", bound=type)


def documented(metric: _Metric) -> _Metric:
    """Fills the common parts into the docstring of a metric; a class decorator."""
    text = metric.__doc__ or ""
    for mark, part in _PARTS.items():
        text = text.replace(mark, part)
    metric.__doc__ = text
    return metric
