"""The recipe by which clones are trained."""

import dataclasses
import math
from typing import Any

from attacks.clone.distillation import Distillation
from attacks.clone.image_changes import ImageChanges
from models import architectures
from models.training import precision
from models.training.optimizers import check_optimizer
from models.training.optimizers import OPTIMIZERS
from models.training.schedules import check_schedule
from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How clones are trained, whatever the adversary.

    The fields up to `jit` are flags. The others are set in Python or by
    `attacks.clone.recipe_text.parse_recipe`.

    Attributes:
        architecture: Name in `models.architectures`.
        optimizer: Member of `models.training.optimizers.OPTIMIZERS`.
        batch_size: Rows per step, over all replicas.
        steps: Training steps; with early stopping, the largest number of them.
        held_out: Fraction of the transfer set, in [0, 1), on which early stopping is decided. The
            thief pays for these rows and does not train on them. 0 trains on all rows for exactly
            `steps` steps.
        patience: Checks without a lower held-out loss before training stops.
        precision: Keras dtype policy, of `models.training.precision.NAMES`; the softmax stays
            float32.
        jit: Whether XLA compiles the training steps.
        epochs: How often each row that is not held out is trained on, in place of `steps`: training
            then lasts longer with larger budgets. `None`: `steps` decides.
        schedule: Member of `models.training.schedules.SCHEDULES`, the course of the learning rate.
        changes: The augmentation of images.
        label_weight: The weight w of the label in the loss, in [0, 1]; see `Distillation`. A thief
            with a loss of its own keeps that instead.
        temperature: The temperature T of the loss, likewise.
    """
    architecture: str = option(
        "digits_cnn",
        lambda: f"The clone's architecture, of {', '.join(architectures.ARCHITECTURES.names)}.",
        name="clone_architecture")
    optimizer: str = option(
        "adam", "The clone's optimiser and its learning rate: one of these, shown with their "
        f"defaults: {OPTIMIZERS.usage}.",
        canonical=OPTIMIZERS.spell)
    batch_size: int = option(32, "The clone's rows per training step, over all replicas.")
    steps: int = option(600, "The clone's training steps.")
    held_out: float = option(
        0.0, "Early stopping: the fraction of the paid-for rows that decides when to stop. The "
        "clone is not trained on them. 0 trains on all rows for exactly --steps steps.")
    patience: int = option(
        5, "Early stopping: checks (every 50 steps) without a lower held-out loss.")
    precision: str = option(
        "float32", "The precision in which clones compute; their variables, the softmax, the "
        "defence and the victim stay float32. 'auto' is the fastest here, which run.flags names.",
        choices=("auto", *precision.NAMES))
    jit: bool = option(
        False, "Whether XLA compiles the training steps of clones. On processors, convolutions "
        "get slower.")
    epochs: int | None = None
    schedule: str = "constant"
    changes: ImageChanges = ImageChanges()
    label_weight: float = 0.0
    temperature: float = 1.0

    def __post_init__(self):
        architectures.ARCHITECTURES.make(self.architecture)
        check_optimizer(self.optimizer)
        for name in ("batch_size", "steps", "patience"):
            # NumPy's numbers become Python's, so that records and digests do not differ.
            object.__setattr__(self, name, check_integer(name, getattr(self, name), least=1))
        if self.precision not in precision.NAMES:
            raise ValueError(f"`precision` must be one of {', '.join(precision.NAMES)}. Received: "
                             f"{self.precision!r}")
        if not is_real(self.held_out) or not 0 <= self.held_out < 1:
            raise ValueError(f"`held_out` must be in [0, 1). Received: {self.held_out}")
        object.__setattr__(self, "held_out", float(self.held_out))
        check_boolean("jit", self.jit)
        if self.epochs is not None:
            object.__setattr__(self, "epochs", check_integer("epochs", self.epochs, least=1))
        check_schedule(self.schedule)
        self._check_loss()

    def _check_loss(self):
        if not is_real(self.label_weight) or not 0 <= self.label_weight <= 1:
            raise ValueError(f"`label_weight` must be in [0, 1]. Received: {self.label_weight}")
        if not is_real(self.temperature) or not 0 < self.temperature < math.inf:
            raise ValueError("`temperature` must be a number above 0. "
                             f"Received: {self.temperature}")
        for name in ("label_weight", "temperature"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def describe(self) -> dict[str, Any]:
        """The recipe with the value of every option, the same for every spelling of it.

        What is not a flag is left out at its default, so that digests in old results keep their
        meaning.
        """
        name, options = OPTIMIZERS.resolve(self.optimizer)
        described = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for field in ("epochs", "schedule", "label_weight", "temperature"):
            if described[field] == getattr(Recipe, field):
                del described[field]
        if self.epochs is not None:
            del described["steps"]
        own = architectures.digest(self.architecture)
        if own is not None:
            described["architecture_digest"] = own
        changes = described.pop("changes").describe()
        return {**described, "optimizer": {"name": name, **options}, **changes}

    def objective(self) -> Distillation | None:
        """The loss of a thief that has none of its own; `None` for the cross-entropy."""
        if not self.label_weight and self.temperature == 1:
            return None
        return Distillation(self.label_weight, self.temperature)

    def count_held_out(self, rows: int) -> int:
        """Number of rows held out of a transfer set; at least one row stays on either side."""
        return min(max(1, round(self.held_out * rows)), rows - 1) if self.held_out else 0

    def steps_on(self, rows: int) -> int:
        """Steps of a clone on a transfer set of so many rows."""
        return self.steps if self.epochs is None else self._steps_in(self.epochs, rows)

    def count_steps(self, epochs: int, rows: int) -> int:
        """Steps in which each row that is not held out is trained on `epochs` times, at most those
        of a clone."""
        return min(self.steps_on(rows), self._steps_in(epochs, rows))

    def _steps_in(self, epochs, rows):
        rows -= self.count_held_out(rows)
        return max(1, epochs * rows // min(self.batch_size, rows))
