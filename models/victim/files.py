"""Victims on disk: `victim.keras`, and `victim.json` with its record."""
from collections.abc import Callable
import dataclasses
import functools
import json
import os
import pathlib
import tempfile
import zipfile

import keras

from models import architectures
from models.data.dataset import Dataset
from models.processes.files import write_atomically
from models.processes.locks import lock
from models.processes.workers import Workers
from models.training.optimizers import OPTIMIZERS
from models.victim.config import VictimConfig
from models.victim.model import data_record
from models.victim.model import fingerprint
from models.victim.model import SCHEMA_VERSION
from models.victim.model import source_record
from models.victim.model import Victim
from revsig_keras.errors import first_line

MODEL_NAME, RECORD_NAME = "victim.keras", "victim.json"
_ENTRIES = {
    "config", "fingerprint", "num_classes", "input_shape", "split_seed", "dataset_fingerprint",
    "accuracy", "mean_top1_confidence"
}


def save_victim(victim: Victim, directory: str | os.PathLike) -> None:
    """Writes `victim.keras`, then `victim.json`, which marks the pair as complete.

    Raises:
        FileExistsError: If the directory holds a complete victim: victims are never overwritten.
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
            write_atomically(os.path.join(directory, MODEL_NAME), file.read())
    record = json.dumps(victim.record, indent=2) + "\n"
    write_atomically(os.path.join(directory, RECORD_NAME), record, overwrite=False)


def exists(directory: str | os.PathLike) -> bool:
    """Returns whether a directory holds a complete victim."""
    return os.path.exists(os.path.join(directory, RECORD_NAME))


def load_victim(path: str | os.PathLike, dataset: Dataset, split_seed: int) -> Victim:
    """Loads a victim and checks that it fits the data of this run.

    Args:
        path: `victim.keras`, with `victim.json` beside it, or their directory.
        dataset: The data set of this run.
        split_seed: The seed of its splits. With another one, the victim would have been trained on
            rows of the thief.

    Raises:
        ValueError: If the files cannot be read, or belong to other data or other weights.
    """
    path = os.path.join(path, MODEL_NAME) if os.path.isdir(path) else os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(
            "`victim` must be a .keras or .h5 file, a SavedModel, python:MODULE:FUNCTION or "
            f"custom:file=FILE:function=NAME. Received: {path}, which does not exist")
    record = _read_record(os.path.splitext(path)[0] + ".json")
    for key, value in data_record(dataset, split_seed).items():
        if record.get(key) != value:
            raise ValueError(
                f"The victim {path} does not fit the data set {dataset.name}: its {key} must be "
                f"{value!r}. Received: {record.get(key)!r}")
    model = _read_model(path, record)
    if fingerprint(model) != record.get("fingerprint"):
        raise ValueError(f"The victim {path} has other weights than its .json file says.")
    if not isinstance(model.layers[-1], keras.layers.Softmax):
        raise ValueError(f"The victim {path} must end in a Softmax layer, as models.train writes "
                         "it; without its .json file, it is taken for one that was trained "
                         f"elsewhere. Received: {type(model.layers[-1]).__name__}")
    return Victim(model, record)


def _read_model(path, record):
    architecture = record["config"]["architecture"]
    is_own = architecture.startswith("custom:")
    if is_own and architectures.digest(architecture) != record.get("architecture_digest"):
        raise ValueError(
            f"The victim {path} must be read with the file that built it. Received: the "
            f"architecture {architecture}, whose file has changed since")
    try:
        if not is_own:
            return keras.saving.load_model(path, compile=False)
        # Keras may not know the user's own layers.
        model = architectures.with_softmax(
            architectures.build(architecture, tuple(record["input_shape"]), record["num_classes"],
                                0))
        model.load_weights(path)
        return model
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The victim {path} is not a readable Keras file: {first_line(error)}") from error


def find_or_train(directory: str | os.PathLike, config: VictimConfig, dataset: Dataset,
                  split_seed: int, workers: Workers, train: Callable[[], Victim]) -> Victim:
    """Loads the victim of a directory, or trains and saves it there.

    Of several runs that share the directory, one trains it and the others wait.

    Args:
        directory: An existing directory.
        config: The recipe of the victim.
        dataset: The data set.
        split_seed: The seed of its splits.
        workers: The processes that train together.
        train: Trains the victim.

    Raises:
        ValueError: If the directory holds another victim, or one that cannot be read.
    """
    alone = functools.partial(lock, pathlib.Path(directory, ".victim.lock"), wait=True)
    with workers.on_chief(alone):
        if workers.agree(workers.is_chief and exists(directory)):
            differing = differences(directory, config, dataset, split_seed)
            if differing:
                raise ValueError(
                    f"{directory} holds another victim, which is not overwritten (it differs in "
                    f"{', '.join(differing)}).")
            return load_victim(directory, dataset, split_seed)
        victim = train()
        if workers.is_chief:
            save_victim(victim, directory)
        return victim


def differences(directory: str | os.PathLike, config: VictimConfig, dataset: Dataset,
                split_seed: int) -> list[str]:
    """Returns the names of the settings in which a directory's victim differs from a new one."""
    record = _read_record(os.path.join(directory, RECORD_NAME))
    differing = [
        f"victim_{key}" for key, value in dataclasses.asdict(config).items()
        if _meaning(key, value) != _meaning(key, record["config"].get(key))
    ]
    expected = {**data_record(dataset, split_seed), **source_record(config)}
    return differing + [key for key, value in expected.items() if record.get(key) != value]


def _meaning(key, value):
    return OPTIMIZERS.spell(value) if key == "optimizer" else value


def _read_record(path):
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError) as error:
        raise ValueError(
            "A victim must have its record, as models.train writes it, beside it. Received: "
            f"{path}, which is not readable: {first_line(error)}") from error
    if not _is_complete(record):
        raise ValueError(
            f"A victim must have a record of schema version {SCHEMA_VERSION} beside it, complete "
            f"as models.train writes it; one that was trained elsewhere has none. Received: {path}")
    return record


def _is_complete(record):
    return (isinstance(record, dict) and record.get("schema_version") == SCHEMA_VERSION and
            _ENTRIES <= record.keys() and isinstance(record["config"], dict) and
            isinstance(record["config"].get("architecture"), str) and
            isinstance(record["accuracy"], dict))
