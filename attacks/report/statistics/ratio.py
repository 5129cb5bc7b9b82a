"""The ratio of two means that are measured on the same replicates."""

import math

import numpy as np
from scipy import stats


def ratio_interval(numerators: np.ndarray,
                   denominators: np.ndarray,
                   confidence: float = 0.95) -> tuple[float | None, float | None]:
    """The interval of mean(numerators) / mean(denominators) by Fieller (1954), with Student's t.

    It holds the ratios r for which the mean of `numerators - r * denominators` may be 0.

    Args:
        numerators: A value for each independent replicate.
        denominators: Likewise, on the same replicates.
        confidence: The probability that the interval covers.

    Returns:
        The ends; `None` for both where the mean of the denominators may be 0, so that there is no
        bound, or where there is one replicate.
    """
    count = len(numerators)
    if count < 2:
        return None, None
    top, below = np.mean(numerators), np.mean(denominators)
    spread = np.cov(numerators, denominators) / count
    quantile = stats.t.ppf((1 + confidence) / 2, count - 1)**2
    a = below**2 - quantile * spread[1, 1]
    b = top * below - quantile * spread[0, 1]
    c = top**2 - quantile * spread[0, 0]
    if a <= 0:
        return None, None
    margin = math.sqrt(max(0.0, b**2 - a * c))
    return float((b - margin) / a), float((b + margin) / a)
