"""Rows of class probabilities to test with, ordinary and hostile ones."""
import numpy as np

TINY = np.finfo("float32").tiny  # 2**-126, the smallest normal number


def softmax_rows(rows: int, classes: int, temperature: float, seed: int) -> np.ndarray:
    """Returns softmax outputs in float32; a high `temperature` makes saturated rows."""
    logits = temperature * np.random.default_rng(seed).normal(size=(rows, classes))
    y = np.exp(logits - logits.max(axis=1, keepdims=True))
    y = (y / y.sum(axis=1, keepdims=True)).astype("float32")
    return np.where(y < TINY, np.float32(0), y)


def extreme_rows(classes: int, seed: int) -> np.ndarray:
    """Returns rows at the ends of the range of float32, and one-hot and uniform rows."""
    rng = np.random.default_rng(seed)
    rows = [np.eye(classes)[0], np.eye(classes)[-1], np.full(classes, 1 / classes)]
    for exponent in (-126, -100, -60, -30, -23, -10, -4):
        row = np.exp2(rng.uniform(exponent, exponent / 2, size=classes))
        row[rng.integers(classes)] = 0
        row[rng.integers(classes)] = 1
        rows.append(row / row.sum())
    row = np.full(classes, TINY, "float64")
    row[classes // 2] = 1
    return np.array([*rows, row], "float32")


def hostile_rows(rows: int, classes: int, seed: int) -> np.ndarray:
    """Returns rows whose label is easily lost: ties, and scores within one bfloat16 step."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([
        softmax_rows(rows // 4, classes, temperature, seed + i)
        for i, temperature in enumerate((0.01, 1, 10, 60))
    ])
    count = len(y)
    first, second = rng.integers(classes, size=(2, count))
    gap = rng.choice([0, 2.0**-24, 2.0**-23, 2.0**-16, 2.0**-9, 2.0**-8, 2.0**-6, -2.0**-8], count)
    index = np.arange(count)
    near = rng.random(count) < 0.7
    y[index, first] = np.where(near, y.max(axis=1), y[index, first])
    y[index, second] = np.where(near, y.max(axis=1) * (1 - gap), y[index, second])
    y = np.concatenate([y, extreme_rows(classes, seed)])
    return (y / y.sum(axis=1, keepdims=True)).astype("float32")
