"""The averaging thief."""

import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.clone import shifts
from attacks.oracle.oracle import digest
from models.seeds import derive
from revsig_keras.arguments import check_integer


class Averaged(Adversary):
    """Queries each input several times and averages the answers ("smoothing" in the public code of
    ModelGuard, USENIX Security 2024, where each query is a random crop or flip of the image, and
    the budget counts images).

    Formula: target = mean_i answer(x_i), where x_0 is the input itself and x_1, x_2, ... are either
    different shifts of it or, against defences that answer differently each time, the input again.
    Every row is charged, except shifts that do not change the image, such as those of a blank one:
    the oracle charges distinct rows.

    The shifts of an image follow from the seed and from its content. So a resumed run queries the
    same rows, however they are divided into rounds, and different images are shifted differently.

    Assumed to know nothing of the defence, only that answers can be noisy. The average of labels is
    their distribution.

    Args:
        queries: Integer of at least 2, the number of queries per input. Defaults to `3`, the
            published number.
        shift: Float in [0, 0.5], the largest shift as a fraction of the image's shorter side,
            rounded to pixels, at least one. `0` queries the input itself each time and does not
            need images. Defaults to `0.1`.

    Raises:
        ValueError: If an argument is out of range.
    """
    needs = "labels"

    def __init__(self, queries: int = 3, shift: float = 0.1):
        if not 0 <= shift <= 0.5:
            raise ValueError(f"`shift` must be in [0, 0.5]. Received: {shift}")
        self.rows_per_input = check_integer("queries", queries, least=2)
        self.shift = shift

    def check(self, input_shape):
        if not self.shift:
            return
        shifts.check(self.shift, 0, input_shape, "averaged")
        most = 1 + len(shifts.offsets(shifts.pixels(self.shift, input_shape)))
        if self.rows_per_input > most:
            raise ValueError(f"`queries` must be at most {most}, the image itself and its shifts "
                             f"by up to {shifts.pixels(self.shift, input_shape)} pixels. "
                             f"Received: {self.rows_per_input}")

    def ask(self, oracle, inputs, seed):
        rows = np.repeat(inputs, self.rows_per_input, axis=0)
        if self.shift:
            for start, image in zip(range(0, len(rows), self.rows_per_input), inputs):
                rows[start + 1:start + self.rows_per_input] = self._copies(image, seed)
        answers = oracle.query(rows, repeats=not self.shift)
        return answers.reshape(len(inputs), self.rows_per_input, -1).mean(axis=1)

    def read(self, answers, known):
        del known
        return answers

    def _copies(self, image, seed):
        offsets = shifts.offsets(shifts.pixels(self.shift, image.shape))
        rng = np.random.default_rng(derive(seed, f"shifts of {digest(image).hex()}"))
        drawn = rng.choice(len(offsets), self.rows_per_input - 1, replace=False)
        return [shifts.shifted(image, *offsets[i]) for i in drawn]
