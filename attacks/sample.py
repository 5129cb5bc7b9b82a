"""The Sample attack: inputs of the victim's own domain."""

import itertools

import numpy as np

from attacks.attack import Attack
from attacks.attack import TransferSet
from models.seeds import derive

_AUGMENTATIONS = ("none", "before", "after")


class Sample(Attack):
    """Queries inputs of the pool, uniformly without replacement (arXiv 1806.00054, "Sample").

    Two augmentations by random shifts are told apart. *before* the query, each shifted image is an
    input of its own and is charged. *after* it, every training step shifts each image anew while
    the image keeps its answer, which costs nothing. Edge pixels are repeated.

    Args:
        augment: String, one of `"none"`, `"before"`, `"after"`. Defaults to `"none"`.
        shift: Float in (0, 0.5], the largest shift as a share of the image's shorter side, rounded
            to pixels, at least one. Only with augmentation. Defaults to `0.1`.
        copies: Integer, shifted images queried with each original, with `augment="before"`.
            Defaults to `1`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(self, augment: str = "none", shift: float = 0.1, copies: int = 1):
        if augment not in _AUGMENTATIONS:
            raise ValueError(
                f"`augment` must be one of {', '.join(_AUGMENTATIONS)}. Received: {augment!r}")
        if not 0 < shift <= 0.5:
            raise ValueError(f"`shift` must be in (0, 0.5]. Received: {shift}")
        if copies < 1:
            raise ValueError(f"`copies` must be at least 1. Received: {copies}")
        self.augment = augment
        self.shift = shift
        self.copies = copies

    def check(self, budget, pool_rows, input_shape):
        super().check(budget, pool_rows, input_shape)
        if self.augment == "none":
            return
        if len(input_shape) != 3:
            raise ValueError(
                f"`sample:augment={self.augment}` shifts images [height, width, channels]. "
                f"Received: inputs of shape {input_shape}")
        offsets = len(_offsets(self._max_shift(input_shape)))
        if self.copies > offsets:
            raise ValueError(f"`copies` must be at most {offsets}, the shifts by up to "
                             f"{self._max_shift(input_shape)} pixels. Received: {self.copies}")

    def steal(self, ask, pool, budget, seed):
        rng = np.random.default_rng(derive(seed, "queries"))
        originals = pool[rng.permutation(len(pool))[:budget]]
        if self.augment == "none":
            return TransferSet(originals, ask(originals))
        max_shift = self._max_shift(pool.shape[1:])
        if self.augment == "after":
            return TransferSet(originals, ask(originals), max_shift)
        inputs = np.stack(
            list(itertools.islice(self._with_copies(originals, max_shift, rng), budget)))
        return TransferSet(inputs, ask(inputs))

    def _max_shift(self, image_shape):
        return max(1, round(self.shift * min(image_shape[:2])))

    def _with_copies(self, originals, max_shift, rng):
        """Yields each original, then its shifted copies."""
        offsets = _offsets(max_shift)
        for image in originals:
            yield image
            for drawn in rng.choice(len(offsets), self.copies, replace=False):
                yield _shifted(image, *offsets[drawn])


def _offsets(max_shift: int) -> list[tuple[int, int]]:
    """All shifts by up to `max_shift` pixels along both axes, but the one that moves nothing."""
    reach = range(-max_shift, max_shift + 1)
    return [offset for offset in itertools.product(reach, reach) if any(offset)]


def _shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """Moves an image `[height, width, channels]`; what comes in repeats the edge."""
    rows = np.clip(np.arange(image.shape[0]) - down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) - right, 0, image.shape[1] - 1)
    return image[rows][:, columns]
