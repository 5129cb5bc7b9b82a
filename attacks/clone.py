"""Training clones: one recipe for every adversary, afresh for every cell."""

import collections
from collections.abc import Callable
import dataclasses
import functools
import hashlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from attacks.attack import TransferSet
from attacks.config import CloneConfig
from models import architectures
from models.optimizers import OPTIMIZERS
from models.seeds import derive
from models.trainer import Trainer

# Neighbours in the grid train the same clone where the label survives the defence and the thief
# uses labels only; a few are remembered so that it is trained once.
_REMEMBERED = 8


@dataclasses.dataclass(frozen=True)
class Clone:
    """What is kept of a trained clone.

    Attributes:
        findings: What `examine` returned for it.
        steps: Steps trained.
        train_seconds: Seconds that the training took, without compilation and `watch`.
        curve: Pairs of a step and what `watch` returned there.
        digest: Hexadecimal digest of all that the training depends on; equal digests are the same
            clone.
    """
    findings: Any
    steps: int
    train_seconds: float
    curve: tuple[tuple[int, float], ...]
    digest: str

    def describe(self) -> dict[str, Any]:
        """The part that goes into the record of a cell."""
        return {
            "steps": self.steps,
            "train_seconds": self.train_seconds,
            "digest": self.digest,
            "agreement_validation_curve": [list(point) for point in self.curve],
        }


class CloneTrainer:
    """Trains the clones of a run.

    Args:
        config: The recipe.
        input_shape: Shape of one input.
        num_classes: The number of classes.
        strategy: A `tf.distribute.Strategy`.
    """

    def __init__(self, config: CloneConfig, input_shape: tuple[int, ...], num_classes: int,
                 strategy: tf.distribute.Strategy):
        self._config = config
        self._trainer = Trainer(
            functools.partial(architectures.build, config.architecture, input_shape, num_classes),
            functools.partial(OPTIMIZERS.make, config.optimizer), config.batch_size, strategy)
        self._remembered: collections.OrderedDict[str, Clone] = collections.OrderedDict()

    def train(self,
              transfer_set: TransferSet,
              seed: int,
              examine: Callable[[keras.Model], Any],
              watch: Callable[[keras.Model, int], float] | None = None,
              progress: Callable[[int], None] | None = None) -> Clone:
        """Trains one clone.

        Args:
            transfer_set: What the thief paid for.
            seed: Seed of the initial weights, the order of the rows, dropout and shifts.
            examine: Called with the trained model, which is valid only during the call.
            watch: Called with the model and the step after a quarter, a half and all of the steps.
            progress: Called with the number of steps done since its last call.
        """
        config = self._config
        digest = _digest(config, transfer_set, seed)
        if digest in self._remembered:
            if progress:
                progress(self._remembered[digest].steps)
            return self._remembered[digest]
        train, held_out = _hold_out(transfer_set, config.held_out, seed)
        trained = self._trainer.train(
            train.inputs,
            train.targets,
            config.steps,
            derive(seed, "clone"),
            max_shift=train.max_shift,
            progress=progress,
            held_out=held_out and (held_out.inputs, held_out.targets),
            patience=config.patience,
            watch=watch,
            watch_at=[max(1, config.steps // 4),
                      max(1, config.steps // 2), config.steps])
        clone = Clone(examine(trained.model), trained.steps, trained.seconds,
                      tuple(trained.watched), digest)
        self._remembered[digest] = clone
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return clone


def _hold_out(transfer_set, share, seed):
    """Splits off the part that early stopping is decided on; at least one row on either side."""
    rows = len(transfer_set.inputs)
    if not share:
        return transfer_set, None
    order = np.random.default_rng(derive(seed, "held out")).permutation(rows)
    held = min(max(1, round(share * rows)), rows - 1)
    parts = order[held:], order[:held]
    return tuple(
        dataclasses.replace(
            transfer_set, inputs=transfer_set.inputs[part], targets=transfer_set.targets[part])
        for part in parts)


def _digest(config, transfer_set, seed):
    digest = hashlib.sha256(repr((config.describe(), transfer_set.max_shift, seed)).encode())
    digest.update(np.ascontiguousarray(transfer_set.inputs))
    digest.update(np.ascontiguousarray(transfer_set.targets))
    return digest.hexdigest()[:16]
