"""The augmentation of a recipe, in fractions of an image's size."""

import dataclasses
import math
from typing import Any

from attacks.clone.shifts import pixels
from models.training.augmentation import Augmentation
from revsig_keras.arguments import is_real

KINDS = ("shift", "flip", "rotation", "cutout")


@dataclasses.dataclass(frozen=True)
class ImageChanges:
    """What each training step may do to each image, which keeps its target: free for the thief.

    Attributes:
        kinds: Names of `KINDS`, joined by +, such as `shift+flip`; empty for none.
        shift: The largest shift along either axis, as a fraction of the shorter side, in (0, 0.5].
        rotation: The largest angle either way, in degrees, in (0, 180].
        cutout: The side of the square that is cut out, as a fraction of the shorter side, in (0,
            1].
    """
    kinds: str = ""
    shift: float = 0.1
    rotation: float = 15.0
    cutout: float = 0.5

    def __post_init__(self):
        given = self.kinds.split("+") if self.kinds else []
        if len(set(given)) != len(given) or not set(given) <= set(KINDS):
            raise ValueError(f"`augment` must be some of {', '.join(KINDS)}, each once, with + "
                             f"between them. Received: {self.kinds}")
        # The order does not matter.
        object.__setattr__(self, "kinds", "+".join(kind for kind in KINDS if kind in given))
        for name, most in (("shift", 0.5), ("rotation", 180), ("cutout", 1)):
            value = getattr(self, name)
            if not is_real(value) or not 0 < value <= most:
                raise ValueError(f"`{name}` must be above 0 and at most {most}. Received: {value}")
            object.__setattr__(self, name, float(value))

    def describe(self) -> dict[str, Any]:
        """What is changed and how much, the same for all spellings of it; empty for nothing."""
        kinds = self.kinds.split("+") if self.kinds else []
        strengths = {kind: getattr(self, kind) for kind in kinds if kind != "flip"}
        return {"augment": self.kinds, **strengths} if kinds else {}

    def check(self, input_shape: tuple[int, ...]) -> None:
        """Raises `ValueError` for inputs that are no images where there is something to change."""
        if self.kinds and len(input_shape) != 3:
            raise ValueError(f"`augment={self.kinds}` changes images [height, width, channels]. "
                             f"Received: inputs of shape {input_shape}")

    def max_shift(self, input_shape: tuple[int, ...]) -> int:
        """The largest shift in pixels."""
        return pixels(self.shift, input_shape) if self._has("shift") else 0

    def augmentation(self, input_shape: tuple[int, ...]) -> Augmentation:
        """All other changes."""
        return Augmentation(flip=self._has("flip"),
                            rotation=self.rotation if self._has("rotation") else 0.0,
                            cutout=self._side(input_shape) if self._has("cutout") else 0)

    def _has(self, kind):
        return kind in self.kinds.split("+")

    def _side(self, input_shape):
        return max(1, math.floor(self.cutout * min(input_shape[:2])))
