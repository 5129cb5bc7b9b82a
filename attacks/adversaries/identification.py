"""Which defence explains answers, by comparing them with simulated ones."""

from collections.abc import Iterator
import itertools
import math

import numpy as np
from scipy import stats

from attacks.adversaries.guess import Undefended
from attacks.adversaries.recovery.simulation import apply
from attacks.adversaries.simulated_layer import fitted
from models.seeds import derive
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defences.coded.base import CodedDefence

# The strengths that are tried of the project's own defences. Of others their defaults are, and
# these fractions of each declared range that is finite.
GRIDS = {
    "none": {},
    "label_only": {},
    "reverse_sigmoid": {
        "beta": (0.25, 0.5, 0.75, 1.0, 1.5),
        "gamma": (0.05, 0.1, 0.2, 0.5),
    },
    "rounding": {
        "decimals": (1, 2, 3, 4),
    },
    "top_k": {
        "k": (2, 3, 5),
    },
    "random_noise": {
        "scale": (0.05, 0.1, 0.2, 0.3, 0.5),
        # A seed that nobody has deployed: the thief does not know it.
        "seed": (derive(0, "identification") % 2**31,),
    },
}
_FRACTIONS = (0.1, 0.25, 0.5, 0.75, 0.9)

# Clean rows that are enough for a simulation.
ROWS = 256

# The temperatures at which a clone's outputs may be as confident as the victim's.
_TEMPERATURES = 2.0**np.arange(-2, 2.25, 0.5)

# Entries of a sorted row that are compared, at most, the quantiles at which they are, and the value
# below which their logarithms do not differ.
_RANKS, _QUANTILES, _SMALLEST = 10, (np.arange(100) + 0.5) / 100, 1e-7

# How far a defence may move a row that it leaves as it is: rounding errors of float32. The fraction
# of its own answers that an idempotent defence leaves as they are, and the fraction of rows left as
# they are below which other sums are not tried.
_STEP, _IDEMPOTENT, _SURELY_MOVED = 1e-6, 0.9, 0.1

# The sums that a row can have had after it was rounded to 1, 2, 3 or 4 decimals; entries that are
# tried with all of them at a time.
_SUMS = 1 + np.outer(10.0**-np.arange(1, 5), (-4, -3, -2, -1, 1, 2, 3, 4)).ravel()
_ENTRIES = 2**21

# The fraction of answers that look like constants of a coded defence where it explains them.
_CODED = 0.95

# The probability below which chance explains nothing; the decimals in which discrepancies differ.
_CHANCE, _DIGITS = 1e-3, 6


def candidates() -> list[str]:
    """The defences that are tried, as members, the simplest first: every name of `DEFENCES`."""
    others = [name for name in DEFENCES.names if name not in GRIDS]
    return [member for name in (*GRIDS, *others) for member in _members(name)]


class Simulations:
    """What each candidate would have answered, to compare answers with.

    Clean rows are simulated from a model's outputs o, as softmax(log(o) / T), since the victim may
    be more or less confident than the model. Answers are explained in this order:

    1. Coded defences, which answer with constants, explain answers in which most of the classes
       below the label have one positive share, to the bit. Which of them is decided as in 4; what
       they were fitted to is not known.
    2. Some candidates are idempotent, such as rounding or keeping the k largest: they leave their
       own answers as they are, or would before these were divided by their sums. (Counted are rows
       that are not one-hot, which all leave; a fraction f > 0.9 has to be left.) Such a candidate
       is ruled out if it leaves so few of the given answers as they are that a binomial
       distribution of f has a probability below 0.001.
    3. If idempotent candidates are left, the coarsest, which leaves the smallest fraction q of the
       clean rows at T = 1 as they are, explains n answers unless chance does: q^n < 0.001.
    4. Otherwise the candidate with the smallest discrepancy does, for the T where it is smallest.
       The discrepancy compares the distributions of the largest entry, of the second largest, and
       so on: the Wasserstein distance of the values, and that of log10(max(value, 1e-7)) / 7, means
       over up to 10 ranks. Of equal candidates the first counts.

    Limits: a strength between those of the grid is taken for a near one.

    Args:
        outputs: Array `[n, num_classes]` of probabilities, such as a labels-only clone's for inputs
            that it was not trained on; `ROWS` are enough.
    """

    def __init__(self, outputs: np.ndarray):
        clean = np.concatenate([_at(outputs, temperature) for temperature in _TEMPERATURES])
        self._layers = dict(_layers(candidates(), outputs))
        self._quantiles, self._own, self._coarseness = {}, {}, {}
        for member, layer in self._layers.items():
            answers = apply(layer, clean)
            parts = np.split(answers, len(_TEMPERATURES))
            self._quantiles[member] = [_quantiles(part) for part in parts]
            left, rows = _count_unmoved(layer, answers)
            if left > _IDEMPOTENT * rows or not rows:
                self._own[member] = (left + 0.5) / (rows + 0.5)
                self._coarseness[member] = _is_unmoved(layer, _at(outputs, 1)).mean()

    @property
    def nbytes(self) -> int:
        """Size of the quantiles."""
        return sum(part.nbytes for parts in self._quantiles.values() for part in parts)

    def explain(self, answers: np.ndarray) -> str:
        """Returns the candidate that explains answers `[n, num_classes]`."""
        given = _quantiles(answers)
        if _are_coded(answers):
            return self._nearest(filter(self._is_coded, self._layers), given)
        possible = [member for member in self._layers if self._is_possible(member, answers)]
        idempotent = [member for member in possible if member in self._own]
        coarsest = min(idempotent, key=self._coarseness.get, default=None)
        if coarsest and self._coarseness[coarsest]**len(answers) < _CHANCE:
            return coarsest
        return self._nearest(possible, given)

    def _nearest(self, members, given):
        return min(members, key=lambda member: round(self._discrepancy(member, given), _DIGITS))

    def _is_coded(self, member):
        return isinstance(self._layers[member], CodedDefence)

    def _is_possible(self, member, answers):
        if member not in self._own:
            return True
        left, rows = _count_unmoved(self._layers[member], answers)
        return stats.binom.cdf(left, rows, self._own[member]) >= _CHANCE

    def _discrepancy(self, member, given):
        return min(np.abs(given - simulated).mean() for simulated in self._quantiles[member])


def _are_coded(answers):
    """Whether answers look like those of a coded defence: all but a few classes share alike."""
    others = np.sort(answers, axis=1)[:, :-1]
    middle = others[:, others.shape[1] // 2]
    equal = (others == middle[:, None]).sum(axis=1)
    return np.mean((middle > 0) & (equal >= max(2, others.shape[1] / 2))) >= _CODED


def _quantiles(answers):
    """The quantiles that are compared, `[quantiles, 2 ranks]`."""
    entries = -np.sort(-answers, axis=1)[:, :_RANKS]
    logarithms = np.log10(np.maximum(entries, _SMALLEST)) / -np.log10(_SMALLEST)
    return np.quantile(np.concatenate([entries, logarithms], axis=1), _QUANTILES, axis=0)


def _members(name: str) -> Iterator[str]:
    if name in GRIDS:
        keys, values = GRIDS[name].keys(), GRIDS[name].values()
        for chosen in itertools.product(*values):
            yield ":".join([name, *(f"{key}={value}" for key, value in zip(keys, chosen))])
        return
    try:
        layer = make_defence(name)
    except ValueError:  # It cannot be simulated without an option that has no default, or a secret.
        return
    yield name
    for key, (low, high) in layer.ranges.items():
        for fraction in _FRACTIONS if math.isfinite(high - low) else ():
            yield f"{name}:{key}={low + fraction * (high - low)}"


def _layers(members, rows):
    """The layers that accept these rows, fitted to them if they have to be fitted."""
    for member in members:
        layer = make_defence(member) or Undefended()
        try:
            layer.check_input(rows.shape, "float32")
            layer = fitted(layer, rows)
        except ValueError:
            continue
        yield member, layer


def _at(outputs, temperature):
    logits = np.log(np.maximum(outputs, np.finfo(np.float32).tiny)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def _is_unmoved(layer, rows):
    """Whether a defence leaves each row as it is, up to the division by its sum, `[n]`."""
    left = np.abs(apply(layer, rows) - rows).max(axis=1, initial=0) < _STEP
    if left.all() or left.mean() < _SURELY_MOVED:
        return left
    others = np.flatnonzero(~left)
    for chunk in np.array_split(others, -(-others.size * _SUMS.size * rows.shape[1] // _ENTRIES)):
        scaled = rows[chunk] * _SUMS[:, None, None]
        answers = apply(layer, scaled.reshape(-1, rows.shape[1])).reshape(scaled.shape)
        left[chunk] = (np.abs(answers - rows[chunk]).max(axis=2) < _STEP).any(axis=0)
    return left


def _count_unmoved(layer, rows):
    """Of the rows that are not one-hot: how many a defence leaves as they are, and their number."""
    others = rows[rows.max(axis=1) < 1 - _STEP]
    return int(_is_unmoved(layer, others).sum()) if len(others) else 0, len(others)
