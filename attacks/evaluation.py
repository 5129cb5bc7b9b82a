"""What a clone is worth and what the defence cost, as the evaluator sees it."""

import dataclasses
import functools

import keras
import numpy as np

from attacks.clone import Clone
from models.inference import predict
from models.splits import Splits
from models.victim import Victim
from revsig_keras import DefendedModel
from revsig_keras import metrics
from revsig_keras.registry import make_defence


@dataclasses.dataclass(frozen=True)
class CloneLabels:
    """A clone's labels on the rows that nobody trained on."""
    test: np.ndarray
    evaluation: np.ndarray


class DefendedVictim:
    """The victim as it answers under one defence.

    Args:
        victim: The clean victim.
        defence: Member of `revsig_keras.registry.DEFENCES`; `none` answers cleanly.
    """

    def __init__(self, victim: Victim, defence: str):
        layer = make_defence(defence)
        self._victim = victim
        self._is_clean = layer is None
        self._model = victim.model if layer is None else DefendedModel(victim.model, layer)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities `[n, num_classes]` as a client receives them."""
        return predict(self._model, inputs)

    def noise(self, inputs: np.ndarray) -> dict[str, float | int | None]:
        """What the defence does to the answers for `inputs`: means over the rows.

        KL divergences are between float64 log-probabilities, without a clip. One that is infinite,
        because an answer of 0 stands for something possible, is None.
        """
        if self._is_clean:
            forward = backward = l1 = 0.0
            label_changes = 0
        else:
            answers = self.predict(inputs)
            cost = metrics.noise(self._victim.log_probabilities(inputs), answers)
            forward = cost.kl_clean_defended_nats.mean()
            backward = cost.kl_defended_clean_nats.mean()
            l1 = cost.l1.mean()
            label_changes = (answers.argmax(axis=1) != _labels(self._victim.model, inputs)).sum()
        return {
            "noise_kl_nats": _finite(forward),
            "noise_kl_bits": _finite(forward / np.log(2)),
            "noise_kl_reverse_nats": _finite(backward),
            "noise_kl_reverse_bits": _finite(backward / np.log(2)),
            "noise_l1": _finite(l1),
            "label_changes": int(label_changes),
        }


class Evaluator:
    """Measures clones and defences; knows the victim, as no thief does.

    Args:
        victim: The clean victim.
        splits: The data. Figures are measured on `test`; what is chosen for all thieves alike, on
            `evaluation`.
    """

    def __init__(self, victim: Victim, splits: Splits):
        self._splits = splits
        self._clean_test = _labels(victim.model, splits.test.x)
        self._clean_evaluation = _labels(victim.model, splits.evaluation.x)
        self.defended = functools.cache(functools.partial(DefendedVictim, victim))
        self._defended_test = functools.cache(
            lambda defence: self.defended(defence).predict(splits.test.x).argmax(axis=1))

    def examine(self, clone: keras.Model) -> CloneLabels:
        """All that the metrics need of a clone."""
        return CloneLabels(_labels(clone, self._splits.test.x),
                           _labels(clone, self._splits.evaluation.x))

    def watch(self, clone: keras.Model, step: int) -> float:
        """Agreement with the clean victim on the evaluator's validation split."""
        del step
        return _share(_labels(clone, self._splits.evaluation.x) == self._clean_evaluation)

    def measure(self, clone: Clone, defence: str,
                queried: np.ndarray) -> dict[str, float | int | None]:
        """The metrics of a cell.

        Args:
            clone: The trained clone.
            defence: Member, as written.
            queried: The inputs that were queried, for the noise per query.

        Returns:
            Shares are in [0, 1]; units are in the names; label changes are counts of rows.
        """
        truth, labels = self._splits.test.y, clone.findings
        defended_test = self._defended_test(defence)
        return {
            "agreement_clean": _share(labels.test == self._clean_test),
            "agreement_defended": _share(labels.test == defended_test),
            "agreement_validation": _share(labels.evaluation == self._clean_evaluation),
            "clone_accuracy": _share(labels.test == truth),
            "victim_accuracy_clean": _share(self._clean_test == truth),
            "victim_accuracy_defended": _share(defended_test == truth),
            "label_changes_test": int((defended_test != self._clean_test).sum()),
            **self.defended(defence).noise(queried),
        }


def _labels(model, inputs):
    return predict(model, inputs).argmax(axis=1)


def _share(equal):
    return float(np.mean(equal))


def _finite(value):
    return float(value) if np.isfinite(value) else None
