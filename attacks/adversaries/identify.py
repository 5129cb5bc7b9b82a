"""The thief that finds out which defence it faces."""

import dataclasses
import itertools
import json

import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.adversary import Known
from attacks.adversaries.aware import Aware
from attacks.adversaries.aware import has_room
from attacks.adversaries.bayes import Bayes
from attacks.adversaries.code_reconstruction import reconstruct
from attacks.adversaries.guess import Guess
from attacks.adversaries.identification import ROWS
from attacks.adversaries.identification import Simulations
from attacks.adversaries.labels import Labels
from attacks.adversaries.probabilities import Probabilities
from attacks.adversaries.simulated_layer import fitted
from attacks.adversaries.simulated_layer import why_not_trainable
from attacks.clone.transfer_set import one_hot_labels
from attacks.oracle.defences import AS_SERVED
from attacks.oracle.oracle import digest
from models.data.streamed import Inputs
from revsig_keras import Defence
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.coded.confidence_buckets import ConfidenceBuckets


class Identify(Adversary):
    """Identifies the defence by its answers, and then reads them accordingly.

    The first stage of D-DAE (Chen et al., ACM CCS 2023), which trains a classifier of defences;
    here each candidate is simulated and compared with the answers by `identification.Simulations`.
    The clean rows of the simulation are the outputs of the thief's own labels-only clone, trained
    for half of the steps, for the inputs of its pool that it did not query, or for its queries if
    it has no others. The candidates are the members of `DEFENCES` over a grid of strengths,
    `identification.GRIDS`, so the strength found is the nearest on that grid.

    Then it acts as the thief who knows that defence: `probabilities` if there is none, `labels` if
    answers tell nothing else, `aware` if gradients flow through it, and `bayes` otherwise. While an
    attack is querying, it reads labels. It does not know what a defence was fitted to, so it fits
    the defence to its clone's outputs. It reads the buckets of `ConfidenceBuckets` off the answers,
    see `code_reconstruction.reconstruct`, and is `aware` of them. Answers of other coded defences
    show no confidence, so it reads their labels.

    Assumed to know the kinds of defences that exist; which of them it faces, it learns from the
    answers and its pool alone. It takes part where nothing is defended too. The record of the clone
    tells what was identified.

    Args:
        learn: Boolean, whether an `aware` thief learns the strength, starting at the one found. At
            an end of its range a strength cannot be learned and stays. Defaults to `False`.
    """

    def __init__(self, *, learn: bool = False):
        self.learn = learn

    def reads(self, defence):
        return "labels"

    def read(self, answers, known):
        del known
        return one_hot_labels(answers)

    def train(self, training, known, workshop):
        paid = training.transfer_set
        half = dataclasses.replace(training, steps=max(1, training.steps // 2))
        own = workshop.train_on_labels(half)
        outputs = own.probabilities(_unqueried(known.pool, paid.inputs))
        simulations = known.memory.recall(("simulations", digest(outputs)),
                                          lambda: Simulations(outputs))
        found = simulations.explain(paid.answers)
        thief, known = self._knowing(found, known, paid.answers, outputs)
        read = training.with_targets(thief.read(paid.answers, known))
        clone = thief.train(read, known, workshop)
        return dataclasses.replace(clone, learned={**clone.learned, "identified": found})

    def _knowing(self, found: str, known: Known, answers: np.ndarray,
                 outputs: np.ndarray) -> tuple[Adversary, Known]:
        """The thief who knows the defence that was found, and what it then knows."""
        if found == "none":
            return Probabilities(), known
        if found == "label_only":
            return Labels(), known
        layer = Guess(member=found).layer(AS_SERVED)
        if isinstance(layer, ConfidenceBuckets):
            state = reconstruct(answers)
            return (Aware(), _believing(known, found, state)) if state else (Probabilities(), known)
        if isinstance(layer, CodedDefence):
            return Labels(), known
        layer = fitted(layer, outputs)
        is_trainable = not why_not_trainable(layer, learn=False)
        if layer.state is not None:
            known = _believing(known, found, json.dumps(layer.state))
            return Aware() if is_trainable else Bayes(), known
        if is_trainable:
            return Aware(guess=found, learn=self.learn and _is_learnable(layer)), known
        return Bayes(guess=found), known


def _believing(known, defence, state):
    return dataclasses.replace(known, defence=defence, defence_state=state)


def _is_learnable(layer: Defence) -> bool:
    """Whether the strength of a defence can be learned, starting at the one that it has."""
    return not why_not_trainable(layer, learn=True) and all(
        has_room(getattr(layer, name), *ends) for name, ends in layer.ranges.items())


def _unqueried(pool: Inputs, paid: np.ndarray) -> np.ndarray:
    """The first rows of a pool, which is in random order, that were not queried; or the queries."""
    known = set(map(digest, paid))
    rows = list(itertools.islice((row for row in pool if digest(row) not in known), ROWS))
    return np.stack(rows) if rows else paid[:ROWS]
