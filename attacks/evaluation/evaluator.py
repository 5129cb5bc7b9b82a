"""The evaluator who has the victim: what a clone is worth and what a defence costs."""

import dataclasses
import functools
import threading

import numpy as np

from attacks.evaluation.agreement import AgreementEvaluator
from attacks.evaluation.agreement import fraction_true
from attacks.evaluation.transferability import Transferability
from attacks.evaluation.utility import utility
from attacks.oracle.defended_victim import DefendedVictims
from attacks.oracle.defended_victim import DISTORTION
from attacks.oracle.defended_victim import finite_or_none
from models.data.splits import Splits
from models.inference import log_softmax


@dataclasses.dataclass(frozen=True)
class Served:
    """What depends on a defence alone, whatever the clone.

    Attributes:
        test_labels: The victim's labels on the rows that figures are measured on.
        figures: What its answers to them are worth to an honest user, by name.
    """
    test_labels: np.ndarray
    figures: dict[str, float | None]


class Evaluator(AgreementEvaluator):
    """Measures clones and defences; knows the victim, as no thief does.

    Args:
        victims: The victim, whose clean labels are the reference, under any defence.
        splits: The data. Figures are measured on `test`; choices made for all thieves alike are
            based on `evaluation`.
        epsilon: The size of adversarial examples, as a fraction of the inputs' range.
        input_range: The lowest and the highest value that an input can have.
    """

    def __init__(self, victims: DefendedVictims, splits: Splits, epsilon: float,
                 input_range: tuple[float, float]):
        test, evaluation, answer = splits.test, splits.evaluation, victims.clean.probabilities
        super().__init__(test,
                         answer(test.x).argmax(axis=1), evaluation,
                         answer(evaluation.x).argmax(axis=1))
        self._victims = victims
        self._served: dict[str, Served] = {}
        self._serving = threading.Lock()
        self._transfer = Transferability(victims.clean, test, epsilon, input_range)

    def measure(self, clone, defence, queried):
        truth, clean, examined = self.test.y, self.test_labels, self.examined(clone)
        served = self._under(defence)
        defended = served.test_labels
        return {
            "agreement_clean": fraction_true(examined.test_labels == clean),
            "agreement_defended": fraction_true(examined.test_labels == defended),
            "agreement_held_out": clone.agreement_held_out,
            "clone_accuracy": fraction_true(examined.test_labels == truth),
            "victim_accuracy_clean": fraction_true(clean == truth),
            "victim_accuracy_defended": fraction_true(defended == truth),
            "label_changes_test": int((defended != clean).sum()),
            **self.worth(examined),
            **examined.figures,
            **self._distortion(defence, queried),
            **served.figures,
        }

    def figures(self, clone, logits):
        return {
            "clone_kl_nats": self._divergence(log_softmax(logits)),
            **self._transfer.measure(clone),
        }

    def _divergence(self, log_clone):
        """KL(clean victim || clone); None where the victim answers with labels alone."""
        log_victim = self._log_clean
        if log_victim is None:
            return None
        clean = np.exp(log_victim)
        ratio = np.subtract(log_victim, log_clone, out=np.zeros_like(clean), where=clean > 0)
        return finite_or_none(np.sum(clean * ratio, axis=1).mean())

    def _distortion(self, defence, queried):
        if queried is None:
            return dict.fromkeys(DISTORTION)
        return self._victims.under(defence).distortion(queried)

    def _under(self, defence):
        """What the defence makes of the victim's answers to the test rows."""
        with self._serving:  # Threads that train clones at once ask at once.
            if defence not in self._served:
                victim = self._victims.under(defence)
                answers = victim.predict(self.test.x)
                figures = utility(victim, answers, self._clean_answers, self.test.y)
                self._served[defence] = Served(answers.argmax(axis=1), figures)
            return self._served[defence]

    @functools.cached_property
    def _clean_answers(self):
        return self._victims.clean.probabilities(self.test.x)

    @functools.cached_property
    def _log_clean(self):
        return self._victims.clean.log_probabilities(self.test.x)
