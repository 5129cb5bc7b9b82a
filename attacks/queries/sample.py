"""The Sample attack: inputs of the victim's own domain."""

import itertools

import numpy as np

from attacks.clone import shifts
from attacks.queries.attack import Attack
from revsig_keras.arguments import check_integer

_AUGMENTATIONS = ("none", "before", "after")


class Sample(Attack):
    """Queries inputs of the pool, uniformly without replacement (arXiv 1806.00054, "Sample").

    There are two augmentations by random shifts. *Before* the query, each shifted image is an input
    of its own and is charged. *After* the query, every training step shifts each image anew while
    the image keeps its answer, which costs nothing. The pixels at the edges are repeated.

    Args:
        augment: String, one of `"none"`, `"before"`, `"after"`. Defaults to `"none"`.
        shift: Float in (0, 0.5], the largest shift as a fraction of the image's shorter side,
            rounded to pixels, at least one. Only used with augmentation. Defaults to `0.1`.
        copies: Integer, the number of shifted images that are queried with each original. Only used
            with `augment="before"`. Defaults to `1`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, augment: str = "none", shift: float = 0.1, copies: int = 1):
        if augment not in _AUGMENTATIONS:
            raise ValueError(
                f"`augment` must be one of {', '.join(_AUGMENTATIONS)}. Received: {augment!r}")
        if not 0 < shift <= 0.5:
            raise ValueError(f"`shift` must be in (0, 0.5]. Received: {shift}")
        self.augment = augment
        self.shift = shift
        self.copies = check_integer("copies", copies, least=1)

    @property
    def asks_own_rows(self):
        return self.augment != "before"

    def check(self, budget, pools):
        super().check(budget, pools)
        if self.augment != "none":
            shifts.check(self.shift, self.copies, pools.input_shape,
                         f"sample:augment={self.augment}")

    def max_shift(self, input_shape):
        return shifts.pixels(self.shift, input_shape) if self.augment == "after" else 0

    def steal(self, thief):
        pool, rng = thief.pools.own, thief.random("queries")
        inputs = pool[rng.permutation(len(pool))[:thief.budget]]
        if self.augment == "before":
            copied = self._with_copies(inputs, shifts.pixels(self.shift, pool.shape[1:]), rng)
            inputs = np.stack(list(itertools.islice(copied, thief.budget)))
        thief.ask(inputs)

    def _with_copies(self, originals, max_shift, rng):
        """Yields each original, then its shifted copies."""
        offsets = shifts.offsets(max_shift)
        for image in originals:
            yield image
            for drawn in rng.choice(len(offsets), self.copies, replace=False):
                yield shifts.shifted(image, *offsets[drawn])
