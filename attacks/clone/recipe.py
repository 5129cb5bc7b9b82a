"""How clones are trained."""

import dataclasses
from typing import Any

from models import architectures
from models.training import precision
from models.training.optimizers import OPTIMIZERS


@dataclasses.dataclass(frozen=True)
class CloneConfig:
    """How every clone is trained, whatever the adversary.

    Attributes:
        architecture: Name in `models.architectures`.
        optimizer: Member of `models.training.optimizers.OPTIMIZERS`.
        batch_size: Rows per step, over all replicas.
        steps: Training steps; the most of them under early stopping.
        held_out: Share of the transfer set, in [0, 1), that early stopping is decided on; paid for
            and not trained on. 0 trains on all of it for exactly `steps` steps.
        patience: Checks without a lower held-out loss before training stops.
        precision: Keras dtype policy, of `models.training.precision.NAMES`; the softmax stays
            float32.
        jit: Whether XLA compiles the training steps.
    """
    architecture: str = "digits_cnn"
    optimizer: str = "adam"
    batch_size: int = 32
    steps: int = 600
    held_out: float = 0.0
    patience: int = 5
    precision: str = "float32"
    jit: bool = False

    def __post_init__(self):
        architectures.ARCHITECTURES.make(self.architecture)
        OPTIMIZERS.make(self.optimizer)  # refuses values out of range
        for name in ("batch_size", "steps", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {getattr(self, name)}")
        if self.precision not in precision.NAMES:
            raise ValueError(f"`precision` must be one of {', '.join(precision.NAMES)}. Received: "
                             f"{self.precision!r}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"`held_out` must be in [0, 1). Received: {self.held_out}")

    def describe(self) -> dict[str, Any]:
        """The recipe with every option's value, the same for every spelling of it."""
        name, options = OPTIMIZERS.resolve(self.optimizer)
        return {**dataclasses.asdict(self), "optimizer": {"name": name, **options}}
