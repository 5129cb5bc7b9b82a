"""The victim: the model that is to be protected."""
from collections.abc import Callable
import dataclasses
import functools
import hashlib
import json
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models import architectures
from models import inference
from models.data.dataset import Dataset
from models.data.splits import Splits
from models.data.streamed import Inputs
from models.seeds import derive
from models.training.checkpoints import Checkpoint
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan
from models.training.softening import smooth
from models.training.softening import Tempered
from models.training.trainer import Trainer
from models.versions import versions
from models.victim.config import VictimConfig
from revsig_keras.errors import first_line

SCHEMA_VERSION = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Victim:
    """A trained victim.

    Attributes:
        model: A model that emits probabilities; its last layer is the softmax of the logits.
        record: Its description, as `victim.json` holds it.
    """
    labels_only = False
    model: keras.Model
    record: dict[str, Any]

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return self.record["num_classes"]

    def probabilities(self, x: Inputs) -> np.ndarray:
        """Returns the victim's answers for `x`, float32, `[n, num_classes]`."""
        return inference.predict(self.model, x)

    def log_probabilities(self, x: Inputs) -> np.ndarray:
        """Returns the logarithms of the answers for `x`, from the logits, float64."""
        return inference.log_softmax(inference.predict(self._logits_model, x))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of the weights, in hexadecimal."""
        return self.record["fingerprint"]

    @property
    def logits(self) -> keras.KerasTensor:
        """The logits in the graph of `model`."""
        return self.model.layers[-1].input

    @functools.cached_property
    def _logits_model(self):
        return keras.Model(self.model.input, self.logits)


def train_victim(config: VictimConfig,
                 dataset: Dataset,
                 splits: Splits,
                 strategy: tf.distribute.Strategy,
                 progress: Callable[[int], None] | None = None,
                 checkpoint: Checkpoint | None = None) -> Victim:
    """Trains a victim for a fixed number of steps.

    Args:
        config: The recipe.
        dataset: The data set.
        splits: Its splits.
        strategy: A `tf.distribute.Strategy`.
        progress: A function that is called with the number of steps done since its last call.
            Defaults to `None`.
        checkpoint: Where the training is stored while it runs. One that was stored with another
            recipe or other data is not resumed. Defaults to `None`.
    """
    build = functools.partial(_build, config.architecture, dataset.input_shape, dataset.num_classes)
    seed = derive(config.seed, "victim")
    optimizer = functools.partial(OPTIMIZERS.make, config.optimizer)
    objective = Tempered(config.temperature) if config.temperature else None
    trainer = Trainer(build, optimizer, config.batch_size, strategy, objective)
    targets = np.eye(dataset.num_classes, dtype="float32")[splits.victim_train.y]
    targets = smooth(targets, config.label_smoothing or 0)
    plan = TrainingPlan(splits.victim_train.x, targets, config.steps, seed)
    kept = checkpoint and checkpoint.below(_digest(config, dataset, splits.split_seed))
    trained = trainer.train(plan, progress=progress, checkpoint=kept)
    # Outside the strategy, and without the trainer's copy of the data.
    model = build(seed)
    model.set_weights(trained.weights)
    model = architectures.with_softmax(model)
    return Victim(
        model, {
            "schema_version": SCHEMA_VERSION,
            "config": dataclasses.asdict(config),
            **source_record(config),
            "fingerprint": fingerprint(model),
            "dataset": dataset.name,
            **data_record(dataset, splits.split_seed),
            "input_range": list(dataset.input_range),
            **_measured(model, splits),
            "train_seconds": trained.seconds,
            "replicas": strategy.num_replicas_in_sync,
            "versions": versions(),
        })


def _digest(config, dataset, split_seed):
    """A digest of all that a training depends on besides the number of replicas."""
    text = json.dumps(
        {
            **dataclasses.asdict(config), "optimizer": OPTIMIZERS.resolve(config.optimizer),
            **source_record(config),
            **data_record(dataset, split_seed)
        },
        sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _build(architecture, *arguments):
    """Builds a model that can be saved."""
    model = architectures.build(architecture, *arguments)
    try:
        model.get_config()
    except NotImplementedError as error:  # Only a user's own layers can lack a configuration.
        raise ValueError(f"The architecture {architecture} must make a victim that Keras can save. "
                         f"Received: {first_line(error)}") from error
    return model


def _measured(model, splits):
    """The entries of the record that are measured on test and validation rows."""
    test = inference.predict(model, splits.test.x)
    validation = inference.predict(model, splits.victim_validation.x)
    return {
        "accuracy": {
            "test": float(np.mean(test.argmax(-1) == splits.test.y)),
            "validation": float(np.mean(validation.argmax(-1) == splits.victim_validation.y)),
        },
        "mean_top1_confidence": float(test.max(-1).mean(dtype="float64")),
    }


def source_record(config: VictimConfig) -> dict[str, str]:
    """Returns the entry of a record that identifies the file of a user's own architecture."""
    digest = architectures.digest(config.architecture)
    return {} if digest is None else {"architecture_digest": digest}


def data_record(dataset: Dataset, split_seed: int) -> dict[str, Any]:
    """Returns the entries of a record that identify the rows that a victim is trained on."""
    return {
        "num_classes": dataset.num_classes,
        "input_shape": list(dataset.input_shape),
        "split_seed": split_seed,
        "dataset_fingerprint": dataset.fingerprint(),
    }


def fingerprint(model: keras.Model) -> str:
    """Returns the SHA-256 of the weights of a model, in hexadecimal."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype.str}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()
