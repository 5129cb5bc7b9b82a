"""Loads victims that were trained elsewhere."""
from collections.abc import Callable
import hashlib
import logging
import os
import pathlib

import numpy as np

from models.answers import answers
from models.data.dataset import Dataset
from models.data.splits import Splits
from models.data.streamed import chunks
from models.versions import versions
from models.victim.config import OWN_PREFIXES
from models.victim.config import VictimFile
from models.victim.own.function import open_function
from models.victim.own.keras_file import open_keras_file
from models.victim.own.own_victim import OwnVictim
from models.victim.own.preprocessing import Preprocessing
from models.victim.own.saved_model import open_saved_model
from models.victim.own.source import Source
from revsig_keras.saved_model.files import is_saved_model

_LOG = logging.getLogger(__name__)
# Rows that are asked a second time, alone, and how far rounding may move a probability.
_ASKED_AGAIN, _ROUNDING = 8, 1e-3


def load_own_victim(victim: VictimFile, dataset: Dataset, splits: Splits) -> OwnVictim:
    """Loads a victim and finds out, on the evaluator's rows, what its answers are.

    Args:
        victim: What it is.
        dataset: The data set.
        splits: Its parts. Which rows the victim was trained on is unknown.

    Raises:
        ValueError: If there is no such victim, or it does not fit the data.
    """
    source = _open(victim)
    prepare = Preprocessing(dataset.input_shape, dataset.input_range, victim.victim_range, source)
    answer = _batched(source, prepare)
    rows = splits.evaluation
    scores, kind = _scores_and_kind(answer, rows.x, dataset.num_classes, source.name)
    labels = scores.argmax(axis=1)
    record = {"num_classes": dataset.num_classes}
    made = OwnVictim(answer, kind, record)
    varies = _varies(made, rows.x, scores)
    tested = made.probabilities(splits.test.x)
    # The weights of a function may be anywhere.
    told_by = labels if source.kind == "function" and not varies else b""
    record |= {
        "name": source.name,
        "kind": source.kind,
        "fingerprint": _fingerprint(victim, source, prepare, kind, told_by),
        "training_rows": "unknown",
        "answers": kind,
        "answers_vary": varies,
        **prepare.describe(),
        "accuracy": {
            "test": float(np.mean(tested.argmax(axis=1) == splits.test.y)),
            "evaluation": float(np.mean(labels == rows.y)),
        },
        "mean_top1_confidence": float(tested.max(axis=1).mean(dtype="float64")),
        "versions": versions(),
    }
    _LOG.warning(
        "The victim %s answers with %s. The rows that it was trained on are unknown: all data are "
        "the thief's and the evaluator's, and its test accuracy (%.3f) is no estimate if they are "
        "among them.", source.name, kind, record["accuracy"]["test"])
    if varies:
        _LOG.warning(
            "The victim %s answers the same inputs differently each time. Results with it "
            "cannot be made again.", source.name)
    return made


def _open(victim: VictimFile) -> Source:
    text, path = os.fspath(victim.path), pathlib.Path(victim.path)
    if text.startswith(OWN_PREFIXES):
        victim.refuse_options("victim_signature", "victim_output")
        return open_function(text)
    if is_saved_model(path):
        return open_saved_model(path, victim.victim_signature, victim.victim_output)
    if path.suffix == ".py":
        raise ValueError(f"`victim` must be custom:file={path}:function=NAME for a function of a "
                         f"Python file. Received: {text}")
    victim.refuse_options("victim_signature")
    return open_keras_file(path, victim.victim_output)


def _fingerprint(victim, source, prepare, kind, told_by):
    digest = hashlib.sha256(
        repr((source.digest, prepare.describe(), kind, victim.victim_signature,
              victim.victim_output)).encode())
    digest.update(told_by)
    return digest.hexdigest()


def _scores_and_kind(answer, x, num_classes, name):
    """The answers for inputs, each asked once, and what they are."""
    raw = [np.atleast_1d(answer(chunk)) for chunk in chunks(x)]
    try:
        raw = np.concatenate(raw)
        kind = answers.kind_of(raw, len(x), num_classes)
        return answers.read_scores(raw, len(x), num_classes, kind), kind
    except ValueError as error:
        raise ValueError(f"`victim` must answer as a classifier of the data. Received: {name}: "
                         f"{error}") from error


def _varies(victim, x, scores):
    """Whether the victim answers some inputs differently when it is asked again."""
    first = OwnVictim(lambda inputs: scores[:len(inputs)], victim.kind, victim.record)
    few = x[:_ASKED_AGAIN]
    moved = np.abs(victim.probabilities(few) - first.probabilities(few))
    return bool(moved.max() > _ROUNDING)


def _batched(source: Source, prepare: Preprocessing) -> Callable[[np.ndarray], np.ndarray]:
    """The answers for inputs of the data set, of which the source gets as many as it takes."""

    def answer(inputs: np.ndarray) -> np.ndarray:
        prepared = prepare(inputs)
        if source.rows is None:
            return np.asarray(source.answer(prepared))
        missing = -len(prepared) % source.rows
        padded = np.concatenate([prepared, np.repeat(prepared[-1:], missing, axis=0)])
        parts = [
            source.answer(padded[start:start + source.rows])
            for start in range(0, len(padded), source.rows)
        ]
        return np.concatenate(parts)[:len(inputs)]

    return answer
