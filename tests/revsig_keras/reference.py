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


def defended(y, log_odds, beta, gamma, epsilon):
    """Eq. (3) and (4); label-safe for outputs of the given `epsilon`, literal without one."""
    beta, gamma = np.longdouble(beta), np.longdouble(gamma)
    r = beta * (1 / (1 + np.exp(-gamma * log_odds)) - np.longdouble(1) / 2)
    scale = 1 if epsilon is None else safe_scale(y, r, np.longdouble(epsilon))
    scores = y - scale * r
    return scores / scores.sum(axis=-1, keepdims=True)


def reverse_sigmoid(y, beta, gamma, epsilon=None):
    """Of rows of probabilities."""
    y = np.asarray(y, np.longdouble)
    y = y / y.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore"):
        log_odds = np.log(y) - np.log(sum_of_others(y))
    return defended(y, log_odds, beta, gamma, epsilon)


def reverse_sigmoid_of_logits(z, beta, gamma, epsilon=None):
    """Of rows of logits, up to some thousands apart, which extended precision can hold."""
    z = np.asarray(z, np.longdouble)
    z = z - z.max(axis=-1, keepdims=True)
    y = np.exp(z)
    with np.errstate(divide="ignore"):
        log_odds = z - np.log(sum_of_others(y))
    return defended(y / y.sum(axis=-1, keepdims=True), log_odds, beta, gamma, epsilon)


def reverse_sigmoid_of_units(y, beta, gamma, epsilon=None):
    """Of probabilities of sigmoid units: rows (y, 1 - y), one for each entry."""
    y = np.asarray(y, np.longdouble).reshape(-1)
    return reverse_sigmoid(np.stack([y, 1 - y], -1), beta, gamma, epsilon)[:, 0]


def reverse_sigmoid_of_unit_logits(z, beta, gamma, epsilon=None):
    """Of logits of sigmoid units: rows of logits (z, 0), one for each entry."""
    z = np.asarray(z, np.longdouble).reshape(-1)
    rows = np.stack([z, np.zeros_like(z)], -1)
    return reverse_sigmoid_of_logits(rows, beta, gamma, epsilon)[:, 0]
