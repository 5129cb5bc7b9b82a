"""Simulated pairs of a clean row and its defended answer, from which a thief learns to undo a
defence that it can compute."""

from collections.abc import Callable
import dataclasses
import functools

import numpy as np

from models.seeds import derive
from revsig_keras import Defence

# Fraction of the mean of the Dirichlet prior that is spread over all classes; this project's.
_SMOOTHING = 0.1
# Of ModelGuard's scripts.
_CONCENTRATION_PER_CLASS = 8

# Noise that makes the outputs of a clone denser: the standard deviations of the logarithm of the
# factor that multiplies the logits of a row, and of the term that is added to each logit, in nats.
_SCALE_NOISE = 0.5
_LOGIT_NOISE_NATS = 2.0

# Rows times classes of one batch of a simulation: small enough to need little memory.
_BATCH_ENTRIES = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a clean row and its defended answer.

    Attributes:
        clean: Array `[n, num_classes]`, float32, distributions.
        answers: Array `[n, num_classes]`, float32.
    """
    clean: np.ndarray
    answers: np.ndarray

    def __len__(self):
        return len(self.clean)

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        return self.clean.nbytes + self.answers.nbytes

    @functools.cached_property
    def keep_labels(self) -> bool:
        """Whether the defence changes no label."""
        return bool(np.all(self.clean.argmax(axis=1) == self.answers.argmax(axis=1)))


def pairs_of_dirichlet(layer: Defence, num_classes: int, pairs: int) -> Pairs:
    """Simulates pairs from a prior that needs no clone: the same for every thief.

    Formula, for equally many rows of each label c out of K classes, with s = 0.1:

    ```
    y ~ Dirichlet(8 K ((1 - s) e_c + s / K))
    ```

    where the largest entry changes places with that of c if it is another. The sum 8 K is that of
    ModelGuard (USENIX Security 2024). Its public code centres the rows on the victim's clean
    outputs for the queried inputs, which no thief has; see `pairs_of_estimates`.

    Args:
        layer: The defence as the thief simulates it.
        num_classes: The number of classes.
        pairs: The number of pairs.
    """
    rng = np.random.default_rng(derive(0, "pairs of the Dirichlet prior"))
    concentration = np.full(num_classes, _CONCENTRATION_PER_CLASS * _SMOOTHING)
    lead = _CONCENTRATION_PER_CLASS * num_classes * (1 - _SMOOTHING)

    def draw(rows):
        labels = rows % num_classes
        y = rng.standard_gamma(concentration + lead * np.eye(num_classes)[labels])
        return _with_labels(y / y.sum(axis=1, keepdims=True), labels)

    return _simulate(layer, draw, num_classes, pairs)


def pairs_of_outputs(layer: Defence, outputs: np.ndarray, pairs: int, seed: int) -> Pairs:
    """Simulates pairs whose clean rows resemble the outputs of a model.

    The clean rows are those outputs in turn, each time with its logits multiplied by exp(n / 2) and
    moved by 2 n_j, n and n_j standard normal: many neighbours of the outputs. (On digits, a fourth
    of that noise misleads a network and hardly changes what a look-up finds.)

    Args:
        layer: The defence as the thief simulates it.
        outputs: Array `[n, num_classes]` of probabilities.
        pairs: The number of pairs.
        seed: Determines the noise.
    """
    rng = np.random.default_rng(derive(seed, "pairs of the clone"))
    logits = np.log(np.maximum(outputs, np.finfo(np.float32).tiny)).astype(np.float32)
    order = rng.permutation(len(logits))

    def draw(rows):
        drawn = logits[order[rows % len(logits)]]
        factors = np.exp(_SCALE_NOISE * rng.standard_normal((len(rows), 1), np.float32))
        noise = _LOGIT_NOISE_NATS * rng.standard_normal(drawn.shape, np.float32)
        y = drawn * factors + noise
        y = np.exp(y - y.max(axis=1, keepdims=True))
        return y / y.sum(axis=1, keepdims=True)

    return _simulate(layer, draw, outputs.shape[1], pairs)


def pairs_of_estimates(layer: Defence, outputs: np.ndarray, pairs: int, seed: int) -> Pairs:
    """Simulates pairs whose clean rows are centred on estimates of the victim's outputs.

    Formula, for the estimates p_j in turn, as in ModelGuard's public code: y ~ Dirichlet(8 K p_j).
    That code takes the victim's clean outputs for estimates.

    Args:
        layer: The defence as the thief simulates it.
        outputs: Array `[n, num_classes]` of probabilities, the estimates.
        pairs: The number of pairs.
        seed: Determines the rows.
    """
    rng = np.random.default_rng(derive(seed, "pairs of the estimates"))
    concentration = _CONCENTRATION_PER_CLASS * outputs.shape[1] * outputs.astype(np.float64)

    def draw(rows):
        y = rng.standard_gamma(concentration[rows % len(outputs)])
        return y / y.sum(axis=1, keepdims=True)

    return _simulate(layer, draw, outputs.shape[1], pairs)


def apply(layer: Defence, y: np.ndarray) -> np.ndarray:
    """Applies a defence to rows `[n, num_classes]`, in batches; float32."""
    step = max(1, _BATCH_ENTRIES // y.shape[1])
    answers = np.empty(y.shape, np.float32)
    for start in range(0, len(y), step):
        answers[start:start + step] = layer(y[start:start + step].astype(np.float32))
    return answers


def _simulate(layer: Defence, draw: Callable[[np.ndarray], np.ndarray], num_classes: int,
              pairs: int) -> Pairs:
    """Draws clean rows in batches and answers them; `draw` gets the numbers of the rows."""
    step = max(1, _BATCH_ENTRIES // num_classes)
    clean = np.empty((pairs, num_classes), np.float32)
    for start in range(0, pairs, step):
        clean[start:start + step] = draw(np.arange(start, min(start + step, pairs)))
    return Pairs(clean, apply(layer, clean))


def _with_labels(y, labels):
    """Rows with the largest entry at the label: it changes places with the entry there."""
    rows, tops = np.arange(len(y)), y.argmax(axis=1)
    y[rows, tops], y[rows, labels] = y[rows, labels], y[rows, tops]
    return y
