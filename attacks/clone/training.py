"""The training of one clone, as a value."""

import dataclasses
import hashlib

import numpy as np

from attacks.clone.clone import Clone
from attacks.clone.recipe import Recipe
from attacks.clone.transfer_set import TransferSet
from attacks.oracle.oracle import digest
from models.data.streamed import chunks
from models.data.streamed import Inputs
from models.processes.workers import Workers
from models.seeds import derive
from models.training.objective import Objective


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """Everything that a clone depends on.

    Attributes:
        recipe: How it is trained.
        transfer_set: The paid rows with the targets to train on.
        seed: Determines the initial weights, the order of the rows, dropout and shifts.
        steps: Training steps, at most those of a clone.
        objective: The loss to minimise, hashable. Defaults to `None`: the cross-entropy.
        start: The clone whose weights it starts from. Defaults to `None`: new weights.
        unlabelled: Inputs `[n, ...]` that cost nothing, for an objective that uses them. Each step
            takes a batch of them besides that of the transfer set. Defaults to `None`.
        unlabelled_shift: Pixels by which a step may shift an unlabelled image.
    """
    recipe: Recipe
    transfer_set: TransferSet
    seed: int
    steps: int
    objective: Objective | None = None
    start: Clone | None = None
    unlabelled: Inputs | None = None
    unlabelled_shift: int = 0

    def with_targets(self, targets: np.ndarray) -> "Training":
        """The same training on other targets."""
        return dataclasses.replace(self, transfer_set=self.transfer_set.with_targets(targets))

    def with_labels(self) -> "Training":
        """The same training on the labels of the answers."""
        return dataclasses.replace(self, transfer_set=self.transfer_set.with_labels())

    def digest(self) -> str:
        """Hexadecimal digest; trainings of equal digests make equal clones."""
        described = (self.recipe.describe(), self.transfer_set.max_shift, self.seed)
        hashed = hashlib.sha256(repr(described).encode())
        hashed.update(np.ascontiguousarray(self.transfer_set.inputs))
        hashed.update(np.ascontiguousarray(self.transfer_set.targets))
        # Defaults are not hashed, so that digests in old results keep their meaning.
        special = (self.steps != self.recipe.steps and self.steps, self.objective, self.start and
                   self.start.digest)
        if any(special) or self.unlabelled is not None:
            hashed.update(repr((*special, self.unlabelled_shift)).encode())
            for chunk in () if self.unlabelled is None else chunks(self.unlabelled):
                hashed.update(np.ascontiguousarray(chunk))
        return hashed.hexdigest()[:16]

    def agreed(self, workers: Workers) -> "Training":
        """The training of the chief worker: the answers of several may differ by rounding."""
        if workers.count == 1:
            return self
        mine = self.digest()
        if not workers.any(mine != workers.agree(mine))[0]:
            return self
        unlabelled = self.unlabelled
        if isinstance(unlabelled, np.ndarray):
            unlabelled = workers.agree_array(unlabelled)
        return dataclasses.replace(self,
                                   transfer_set=self.transfer_set.agreed(workers),
                                   steps=workers.agree(self.steps),
                                   unlabelled=unlabelled)

    def split(self) -> tuple[TransferSet, TransferSet | None]:
        """The rows to train on and the rows on which early stopping is decided, if any."""
        held = self.recipe.count_held_out(len(self.transfer_set))
        if not held:
            return self.transfer_set, None
        rng = np.random.default_rng(derive(self.seed, "held out"))
        order = rng.permutation(len(self.transfer_set))
        return self.transfer_set.part(order[held:]), self.transfer_set.part(order[:held])

    def unlabelled_without(self, held_out: TransferSet | None) -> Inputs | None:
        """The unlabelled inputs that are not held out."""
        if self.unlabelled is None or held_out is None:
            return self.unlabelled
        known = set(map(digest, held_out.inputs))
        is_new = [digest(row) not in known for row in self.unlabelled]
        return self.unlabelled.take(np.flatnonzero(is_new), axis=0)
