"""The victim: the model that is to be protected."""
from collections.abc import Callable
import dataclasses
import functools
import hashlib
import json
import os
import tempfile
import zipfile

import keras
import numpy as np
import tensorflow as tf

from models import architectures
from models import inference
from models.data.dataset import Dataset
from models.data.splits import Splits
from models.data.streamed import Inputs
from models.processes import files
from models.seeds import derive
from models.training.checkpoints import Checkpoint
from models.training.optimizers import OPTIMIZERS
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer
from models.versions import versions
from revsig_keras.arguments import check_integer
from revsig_keras.errors import first_line
from revsig_keras.options import option

SCHEMA_VERSION = 1
MODEL_NAME, RECORD_NAME = "victim.keras", "victim.json"


@dataclasses.dataclass(frozen=True)
class VictimConfig:
    """How a victim is trained.

    Attributes:
        architecture: A member of `architectures.ARCHITECTURES`.
        optimizer: a member of `optimizers.OPTIMIZERS`, such as `"adam:learning_rate=0.001"`.
        batch_size: rows per step.
        steps: the number of steps.
        seed: what the initial weights and the batches follow from.
    """
    architecture: str = option(
        "digits_cnn",
        lambda: f"The victim's architecture: {', '.join(architectures.ARCHITECTURES.names)}.",
        name="victim_architecture")
    optimizer: str = option(
        "adam", "The victim's optimiser, with options, such as 'adam:learning_rate=0.001' or "
        "'sgd:learning_rate=0.01:momentum=0.9'.",
        name="victim_optimizer",
        canonical=OPTIMIZERS.spell)
    batch_size: int = option(64,
                             "Rows per training step of the victim, over all replicas.",
                             name="victim_batch_size")
    steps: int = option(1000, "Training steps of the victim.", name="victim_steps")
    seed: int = option(0,
                       "The seed of the victim's initial weights and batches.",
                       name="victim_seed")

    def __post_init__(self):
        architectures.ARCHITECTURES.make(self.architecture)  # Both refuse unknown members.
        OPTIMIZERS.make(self.optimizer)
        for name, least in (("batch_size", 1), ("steps", 1), ("seed", 0)):
            # NumPy's integers become Python's, which JSON can write.
            object.__setattr__(self, name, check_integer(name, getattr(self, name), least=least))


@dataclasses.dataclass(frozen=True)
class VictimFile:
    """A victim that is trained already.

    Attributes:
        path: `victim.keras`, or the directory that it is in; `victim.json` must be beside it.
    """
    path: str | os.PathLike = option(
        help="A victim.keras that `python -m models.train` has written, with its victim.json "
        "beside it. By default a victim is trained first, as the --victim_... flags say.",
        name="victim",
        kind=str)


@dataclasses.dataclass(frozen=True, eq=False)
class Victim:
    """A trained victim.

    Attributes:
        model: emits probabilities; its layer `"logits"` emits the logits.
        record: what is known of it, as it stands in `victim.json`.
    """
    model: keras.Model
    record: dict

    @property
    def num_classes(self) -> int:
        return self.record["num_classes"]

    def probabilities(self, x: Inputs) -> np.ndarray:
        """The victim's answers for `x`: float32, of shape `[n, num_classes]`."""
        return inference.predict(self.model, x)

    def log_probabilities(self, x: Inputs) -> np.ndarray:
        """The logarithms of the answers for `x`, from the logits: float64, of the same shape."""
        return inference.log_softmax(inference.predict(self._logits_model, x))

    def fingerprint(self) -> str:
        """A SHA-256 in hexadecimal of the weights."""
        return self.record["fingerprint"]

    @functools.cached_property
    def _logits_model(self):
        return keras.Model(self.model.input, self.model.get_layer("logits").output)


def train_victim(config: VictimConfig,
                 dataset: Dataset,
                 splits: Splits,
                 strategy: tf.distribute.Strategy,
                 progress: Callable[[int], None] | None = None,
                 checkpoint: Checkpoint | None = None) -> Victim:
    """Trains a victim, for a fixed number of steps.

    Args:
        config: a `VictimConfig`.
        dataset: a `datasets.Dataset`.
        splits: the `splits.Splits` of the data set.
        strategy: a `tf.distribute.Strategy`.
        progress: a function that is called with the number of steps done since its last call.
            Defaults to `None`.
        checkpoint: where the training is kept while it runs. Defaults to `None`.

    Returns:
        A `Victim`.
    """

    def build(seed):
        return architectures.build(config.architecture, dataset.input_shape, dataset.num_classes,
                                   seed)

    seed = derive(config.seed, "victim")
    optimizer = functools.partial(OPTIMIZERS.make, config.optimizer)
    recipe = Trainer(build, optimizer, config.batch_size, strategy)
    targets = np.eye(dataset.num_classes, dtype="float32")[splits.victim_train.y]
    plan = TrainingPlan(splits.victim_train.x, targets, config.steps, seed)
    trained = recipe.train(plan, progress=progress, checkpoint=checkpoint)
    # Outside the strategy, and without the trainer's copy of the data.
    model = build(seed)
    model.set_weights(trained.weights)
    model = architectures.with_softmax(model)
    test = inference.predict(model, splits.test.x)
    validation = inference.predict(model, splits.victim_validation.x)
    return Victim(
        model, {
            "schema_version": SCHEMA_VERSION,
            "config": dataclasses.asdict(config),
            "fingerprint": _fingerprint(model),
            "dataset": dataset.name,
            **_data_record(dataset, splits.split_seed),
            "input_range": list(dataset.input_range),
            "accuracy": {
                "test": float(np.mean(test.argmax(-1) == splits.test.y)),
                "validation": float(np.mean(validation.argmax(-1) == splits.victim_validation.y)),
            },
            "mean_top1_confidence": float(test.max(-1).mean(dtype="float64")),
            "train_seconds": trained.seconds,
            "replicas": strategy.num_replicas_in_sync,
            "versions": versions(),
        })


def save_victim(victim: Victim, directory: str | os.PathLike) -> None:
    """Writes `victim.keras`, then `victim.json`, which marks the pair as complete.

    Raises:
        FileExistsError: if there is a complete victim already; none is ever overwritten.
    """
    os.makedirs(directory, exist_ok=True)
    if exists(directory):
        raise FileExistsError(
            f"{directory} holds a victim already, and victims are not overwritten.")
    with tempfile.TemporaryDirectory() as temporary:
        # Keras writes to a path only, and not atomically.
        path = os.path.join(temporary, MODEL_NAME)
        victim.model.save(path)
        with open(path, "rb") as file:
            files.write_atomically(os.path.join(directory, MODEL_NAME), file.read())
    record = json.dumps(victim.record, indent=2) + "\n"
    files.write_atomically(os.path.join(directory, RECORD_NAME), record, overwrite=False)


def exists(directory: str | os.PathLike) -> bool:
    """Whether there is a complete victim in a directory."""
    return os.path.exists(os.path.join(directory, RECORD_NAME))


def load_victim(path: str | os.PathLike, dataset: Dataset, split_seed: int) -> Victim:
    """Loads a victim and checks that it fits the data of this run.

    Args:
        path: `victim.keras`, or the directory that it is in. `victim.json` must be beside it.
        dataset: the `datasets.Dataset` of this run.
        split_seed: the seed of its splits. With another one, the victim would have been trained on
            rows of the thief.

    Returns:
        A `Victim`.
    """
    path = os.path.join(path, MODEL_NAME) if os.path.isdir(path) else os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(f"victim must be a .keras file. Received: {path}, which does not exist")
    record = _read_record(os.path.splitext(path)[0] + ".json")
    for key, value in _data_record(dataset, split_seed).items():
        if record.get(key) != value:
            raise ValueError(
                f"The victim {path} does not fit the data set {dataset.name}: its {key} must be "
                f"{value}. Received: {record.get(key)}")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The victim {path} is not a readable Keras file: {first_line(error)}") from error
    if _fingerprint(model) != record.get("fingerprint"):
        raise ValueError(f"The victim {path} has other weights than its .json file says.")
    return Victim(model, record)


def differences(directory: str | os.PathLike, config: VictimConfig, dataset: Dataset,
                split_seed: int) -> list[str]:
    """What tells the victim in a directory from the one that would be trained: names of entries of
    its record."""
    record = _read_record(os.path.join(directory, RECORD_NAME))
    config, other = dataclasses.asdict(config), record["config"]
    differing = [
        f"victim_{key}" for key in config
        if _meaning(key, config[key]) != _meaning(key, other.get(key))
    ]
    return differing + [
        key for key, value in _data_record(dataset, split_seed).items() if record.get(key) != value
    ]


def _meaning(key, value):
    return OPTIMIZERS.spell(value) if key == "optimizer" else value


def _data_record(dataset, split_seed):
    """The entries of the record that say which data, and which part of it, a victim was trained
    on."""
    return {
        "num_classes": dataset.num_classes,
        "input_shape": list(dataset.input_shape),
        "split_seed": split_seed,
        "dataset_fingerprint": dataset.fingerprint(),
    }


def _read_record(path):
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError) as error:
        raise ValueError(
            "A victim must have its record, as models.train writes it, beside it. Received: "
            f"{path}, which is not readable: {first_line(error)}") from error
    complete = isinstance(record, dict) and {"config", "fingerprint"} <= record.keys()
    if not complete or record.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"A victim must have a record of schema version {SCHEMA_VERSION} beside it, complete "
            f"as models.train writes it. Received: {path}")
    return record


def _fingerprint(model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(f"{weight.dtype.str}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()
