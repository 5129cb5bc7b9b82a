"""The inverse of the Reverse Sigmoid layer, where there is one."""

import itertools

import numpy as np

from attacks.adversaries.recovery.simulation import apply
from revsig_keras import ReverseSigmoid

# The largest L1 distance between an answer and the layer's answer for the recovered row.
TOLERANCE = 1e-5

# The layer leaves a scaled top this close to its rival: 16 epsilon, and the rounding of both.
_TIE = 24 * float(np.finfo(np.float32).eps)

# Points of the interpolated branches, points of a scan for changes of sign, halvings of an
# interval, and rows solved at a time.
_TABLE, _SCAN, _HALVINGS, _CHUNK = 2**16, 48, 45, 512

# One or two classes are tried on the middle branch, among so many with the greatest answers below
# the top: all of them for up to 10 classes.
_SOME = 9

# Below these log-odds, a probability rounds to 0 in float32.
_LOWEST = -120.0


class _Branch:
    """One of the two inverses of f(y) = y - beta (s(gamma logit(y)) - 1/2), by interpolation.

    Args:
        z: The log-odds of its points.
        f: The values there, monotone.
    """

    def __init__(self, z, f):
        order = np.argsort(f, kind="stable")
        self._f, self._y = f[order], _sigmoid(z)[order]
        self.low, self.high = self._f[0], self._f[-1]

    def __call__(self, f):
        """The y of a value f; beyond the ends of the branch, the y of the end."""
        return np.interp(f, self._f, self._y)


class Inversion:
    """Finds rows that a Reverse Sigmoid layer turns into given answers.

    Formula: an answer is a_i = alpha f(y_i), f(y) = y - beta (s(gamma logit(y)) - 1/2), with one
    unknown alpha per row and sum_i y_i = 1. f falls from 0 to its minimum, the *left* branch, and
    rises from there to 1/2, the *middle* branch. A hypothesis says which classes, other than the
    top, are on the middle branch. Then all y_i but the top's follow from alpha, the top's follows
    from the sum, and

    ```
    g(alpha) = alpha f(1 - sum_{i not top} y_i(a_i / alpha)) - a_top
    ```

    has a root, which is found by a scan for changes of sign and bisection, in float64.

    Several rows can have the same answer. The hypotheses are that no class is on the middle branch,
    any one, any two, or the 3, 4, ... with the greatest answers; of many classes, only the first
    are tried. Each root of a hypothesis gives a row, which is verified: the layer must turn it into
    the answer, up to an L1 distance of 1e-5. Among the verified rows, those with the fewest classes
    on the middle branch come first, then the one with the greatest top, since victims are mostly
    confident.

    Two kinds of answers are not inverted: those whose top is tied with a rival up to the layer's
    margin, because the layer has scaled its perturbation by an unknown factor, and those for which
    no hypothesis is verified.

    Args:
        layer: The layer to invert.
    """

    def __init__(self, layer: ReverseSigmoid):
        self._layer, self._beta, self._gamma = layer, layer.beta, layer.gamma
        self.nbytes = 4 * 8 * _TABLE  # Two branches, each of two arrays.
        # Denser towards the middle, where the minimum can be.
        z = _LOWEST * np.linspace(1, 0, _TABLE)**2
        lowest = int(np.argmin(self._f(z)))
        # Again, with the points of the left branch denser towards its end, where f is steepest.
        z_min = z[lowest]
        left = z_min + (_LOWEST - z_min) * np.linspace(1, 0, _TABLE)**2
        left = np.append(left, -np.inf)  # A probability of 0, whose f may be well above the next.
        middle = z_min * (1 - np.linspace(0, 1, _TABLE)**2)
        self._left = _Branch(left, self._f(left))
        self._middle = _Branch(middle, self._f(middle))

    def __call__(self, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inverts answers.

        Args:
            answers: Array `[n, num_classes]` of distributions.

        Returns:
            Rows `[n, num_classes]`, float64, and booleans `[n]` that mark the inverted ones. The
            other rows are one-hot labels.
        """
        answers = np.asarray(answers, np.float64)
        order = np.argsort(-answers, axis=1, kind="stable")
        ordered = np.take_along_axis(answers, order, axis=1)
        ordered /= ordered.sum(axis=1, keepdims=True)
        found = np.eye(1, ordered.shape[1]).repeat(len(ordered), axis=0)
        inverted = np.zeros(len(answers), bool)
        left = np.flatnonzero(ordered[:, 0] - ordered[:, 1] > _TIE)
        for hypotheses in _hypotheses(answers.shape[1]):
            for start in range(0, len(left), _CHUNK):
                rows = left[start:start + _CHUNK]
                y = self._greatest_top(ordered[rows], hypotheses)
                is_found = y[:, 0] > 0
                found[rows[is_found]], inverted[rows[is_found]] = y[is_found], True
            left = left[~inverted[left]]
        recovered = np.empty_like(found)
        np.put_along_axis(recovered, order, found, axis=1)
        return recovered, inverted

    def _greatest_top(self, answers, hypotheses):
        """For each answer the verified row with the greatest top, or zeros; the top comes first."""
        best = np.zeros_like(answers)
        for middle in hypotheses:
            for row, y in zip(*self._solve(answers, middle)):
                if y[0] > best[row, 0]:
                    best[row] = y
        return best

    def _solve(self, answers, middle):
        """The verified rows of one hypothesis, and before them the indices of their answers."""
        low, high = self._bounds(answers, middle)
        # Confident rows have their root close to the low end.
        alphas = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, _SCAN)**3
        is_negative = self._g(answers[:, None], alphas, middle) <= 0
        changes = (is_negative[:, :-1] != is_negative[:, 1:]) & (low < high)[:, None]
        rows, at = np.nonzero(changes)
        alpha = self._bisect(answers[rows], middle, alphas[rows, at], alphas[rows, at + 1])
        y = self._row(answers[rows], alpha, middle)
        missed = np.abs(apply(self._layer, y) - answers[rows]).sum(axis=1)
        is_right = (missed <= TOLERANCE) & (y[:, 0] > y[:, 1:].max(axis=1))
        return rows[is_right], y[is_right]

    def _bounds(self, answers, middle):
        """The interval of alpha in which each class is on its branch, widened for rounding."""
        num_classes = answers.shape[1]
        low = np.full(len(answers), 1 / (1 + (num_classes - 2) * self._beta / 2))
        high = np.ones(len(answers))
        for i in range(1, num_classes):
            branch = self._middle if i in middle else self._left
            low = np.maximum(low, answers[:, i] / branch.high)
            high = np.minimum(high, answers[:, i] / branch.low)
        return low * (1 - 1e-6), high * (1 + 1e-6)

    def _bisect(self, answers, middle, low, high):
        is_low_negative = self._g(answers, low, middle) <= 0
        for _ in range(_HALVINGS):
            half = (low + high) / 2
            is_below = (self._g(answers, half, middle) <= 0) == is_low_negative
            low, high = np.where(is_below, half, low), np.where(is_below, high, half)
        return (low + high) / 2

    def _g(self, answers, alpha, middle):
        rest = self._rest(answers, alpha, middle).sum(axis=-1)
        rest = np.clip(rest, 1e-300, 1 - 1e-16)
        return alpha * self._f(np.log1p(-rest) - np.log(rest)) - answers[..., 0]

    def _row(self, answers, alpha, middle):
        rest = self._rest(answers, alpha, middle)
        top = np.maximum(1 - rest.sum(axis=1, keepdims=True), 0)
        return np.concatenate([top, rest], axis=1)

    def _rest(self, answers, alpha, middle):
        f = answers[..., 1:] / alpha[..., None]
        y = self._left(f)
        for i in middle:
            y[..., i - 1] = self._middle(f[..., i - 1])
        return y

    def _f(self, z):
        """f by log-odds: y - beta (s(gamma z) - 1/2)."""
        return _sigmoid(z) - self._beta / 2 * np.tanh(self._gamma * z / 2)


def _hypotheses(num_classes):
    """Yields lists of hypotheses, one list for each number of classes on the middle branch.

    A hypothesis is a tuple of those classes by their rank among the answers; the top has rank 0.
    """
    ranks, some = range(1, num_classes), range(1, min(num_classes, _SOME + 1))
    yield [()]
    yield [(i,) for i in some]
    yield list(itertools.combinations(some, 2))
    for most in ranks[2:3 * _SOME]:
        yield [tuple(range(1, most + 1))]


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))
