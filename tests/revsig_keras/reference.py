"""The formulas of the paper and of the label-safe scale, written again in extended precision."""
import numpy as np


def sum_of_others(y):
    """Of each row, the sum of all entries but one, without any subtraction."""
    before = np.cumsum(y, axis=-1)
    after = np.cumsum(y[..., ::-1], axis=-1)[..., ::-1]
    others = np.zeros_like(y)
    others[..., 1:] += before[..., :-1]
    others[..., :-1] += after[..., 1:]
    return others


def perturbation(y, beta, gamma):
    """Eq. (3), for rows of sum 1."""
    with np.errstate(divide="ignore"):
        log_odds = np.log(y) - np.log(sum_of_others(y))
    return beta * (1 / (1 + np.exp(-gamma * log_odds)) - np.longdouble(1) / 2)


def safe_scale(y, r, epsilon):
    """The largest scale of each row's r that leaves its top on top, by a plain loop."""
    scales = []
    for row, shift in zip(y, r):
        top = int(row.argmax())
        margin = 8 * epsilon * (row[top] + abs(shift[top]))
        bounds = [(row[top] - row[j] - margin) / (shift[top] - shift[j])
                  for j in range(len(row))
                  if row[j] < row[top] and shift[j] < shift[top]]
        scales.append(min(max(min(bounds, default=1), 0), 1))
    return np.array(scales, np.longdouble)[:, None]


def reverse_sigmoid(y, beta, gamma, epsilon=None):
    """Eq. (4); label-safe for outputs of the given `epsilon`, literal without one."""
    y = np.asarray(y, np.longdouble)
    y = y / y.sum(axis=-1, keepdims=True)
    r = perturbation(y, np.longdouble(beta), np.longdouble(gamma))
    scale = 1 if epsilon is None else safe_scale(y, r, np.longdouble(epsilon))
    scores = y - scale * r
    return scores / scores.sum(axis=-1, keepdims=True)
