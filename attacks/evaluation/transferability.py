"""Whether what fools a clone fools the victim."""

import numpy as np

from attacks.clone.clone import Clone
from models.data.splits import Rows
from models.seeds import derive
from models.victim import OwnVictim
from models.victim import Victim

# Adversarial examples: enough for a standard error of at most 1.6 points.
_ROWS = 1000


class Transferability:
    """Crafts adversarial examples on clones and tries them on the clean victim.

    The fast gradient sign method (Goodfellow et al., arXiv 1412.6572): `x + epsilon * sign(g)`, g
    the gradient of the cross-entropy between the clone's answer and the true label, clipped to the
    range of the inputs. Noise of the same size, each sign drawn at random, is the baseline.

    Args:
        victim: The clean victim.
        test: Labelled rows. At most 1,000 that the victim classifies correctly are used, drawn
            with a fixed seed.
        epsilon: The size of the perturbation, as a fraction of the inputs' range.
        input_range: The lowest and the highest value that an input can have.
    """

    def __init__(self, victim: Victim | OwnVictim, test: Rows, epsilon: float,
                 input_range: tuple[float, float]):
        self._victim, self._range = victim, input_range
        is_correct = victim.probabilities(test.x).argmax(axis=1) == test.y
        rows = np.flatnonzero(is_correct)
        if len(rows) > _ROWS:
            rows = np.random.default_rng(derive(0, "rows")).choice(rows, _ROWS, replace=False)
        self._rows = Rows(test.x[rows], test.y[rows])
        self._step = epsilon * (input_range[1] - input_range[0])
        rng = np.random.default_rng(derive(0, "random signs"))
        signs = rng.choice(np.float32([-1, 1]), self._rows.x.shape)
        self._noise = self._fooled(signs)

    def measure(self, clone: Clone) -> dict[str, float | None]:
        """Returns the fractions of rows that fool the victim; None if it has no correct row."""
        gradients = clone.gradients(self._rows.x, self._rows.y, of="cross_entropy")
        return {
            "transferability": self._fooled(np.sign(gradients)),
            "transferability_noise": self._noise,
        }

    def _fooled(self, signs):
        if not len(self._rows):
            return None
        crafted = np.clip(self._rows.x + self._step * signs, *self._range).astype(np.float32)
        return float(np.mean(self._victim.probabilities(crafted).argmax(axis=1) != self._rows.y))
