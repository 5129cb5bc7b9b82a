"""What a clone is worth and what the defence cost, as the evaluator sees it."""

import functools

import keras
import numpy as np

from attacks.evaluation.agreement import AgreementEvaluator
from attacks.evaluation.agreement import labels_of
from attacks.evaluation.agreement import share
from attacks.evaluation.transferability import Transferability
from models.data.splits import Splits
from models.data.streamed import Inputs
from models.inference import log_softmax
from models.inference import predict
from models.victim import Victim
from revsig_keras import DefendedModel
from revsig_keras import metrics
from revsig_keras.defences.catalogue import make_defence


class DefendedVictim:
    """The victim as it answers under one defence.

    Args:
        victim: The clean victim.
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`; `none` answers cleanly.
    """

    def __init__(self, victim: Victim, defence: str):
        layer = make_defence(defence)
        self._victim, self._layer = victim, layer
        self._model = victim.model if layer is None else DefendedModel(victim.model, layer)

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Probabilities `[n, num_classes]` as a client receives them."""
        return predict(self._model, inputs)

    def distortion(self, inputs: np.ndarray) -> dict[str, float | int | None]:
        """What the defence does to the answers for `inputs`: means over the rows.

        KL divergences are between float64 log-probabilities, without a clip. One that is infinite,
        because an answer of 0 stands for something possible, is None.
        """
        if self._layer is None:
            forward = backward = l1 = 0.0
            label_changes = 0
        else:
            logits, clean, answers = np.split(predict(self._stages, inputs), 3, axis=1)
            cost = metrics.distortion(log_softmax(logits), answers)
            forward = cost.kl_clean_defended_nats.mean()
            backward = cost.kl_defended_clean_nats.mean()
            l1 = cost.l1.mean()
            label_changes = (answers.argmax(axis=1) != clean.argmax(axis=1)).sum()
        return {
            "distortion_kl_nats": _finite(forward),
            "distortion_kl_bits": _finite(forward / np.log(2)),
            "distortion_kl_reverse_nats": _finite(backward),
            "distortion_kl_reverse_bits": _finite(backward / np.log(2)),
            "distortion_l1": _finite(l1),
            "label_changes": int(label_changes),
        }

    @functools.cached_property
    def _stages(self):
        """Logits, clean and defended probabilities beside each other, so that one pass has all."""
        model = self._victim.model
        stages = [model.get_layer("logits").output, model.output, self._layer(model.output)]
        return keras.Model(model.input, keras.layers.Concatenate()(stages))


class Evaluator(AgreementEvaluator):
    """Measures clones and defences; knows the victim, as no thief does.

    Args:
        victim: The clean victim, whose labels are the reference.
        splits: The data. Figures are measured on `test`; what is chosen for all thieves alike, on
            `evaluation`.
        epsilon: The size of adversarial examples, as a share of the inputs' range.
        input_range: The lowest and the highest value that an input can have.
    """

    def __init__(self, victim: Victim, splits: Splits, epsilon: float, input_range: tuple[float,
                                                                                          float]):
        test, evaluation = splits.test, splits.evaluation
        super().__init__(test, labels_of(victim.model, test.x), evaluation,
                         labels_of(victim.model, evaluation.x))
        self.defended = functools.cache(functools.partial(DefendedVictim, victim))
        self._defended_test = functools.cache(
            lambda defence: self.defended(defence).predict(test.x).argmax(axis=1))

        self._log_clean = functools.cache(lambda: victim.log_probabilities(test.x))
        self._transfer = Transferability(victim, test, epsilon, input_range)

    def figures(self, clone, logits):
        log_victim, log_clone = self._log_clean(), log_softmax(logits)
        divergence = np.sum(np.exp(log_victim) * (log_victim - log_clone), axis=1).mean()
        return {
            "clone_kl_nats": _finite(divergence),
            **self._transfer.measure(clone),
        }

    def measure(self, clone, defence, queried):
        truth, clean, examined = self.test.y, self.test_labels, self.examined(clone)
        defended_test = self._defended_test(defence)
        return {
            "agreement_clean": share(examined.test_labels == clean),
            "agreement_defended": share(examined.test_labels == defended_test),
            "agreement_held_out": clone.agreement_held_out,
            "clone_accuracy": share(examined.test_labels == truth),
            "victim_accuracy_clean": share(clean == truth),
            "victim_accuracy_defended": share(defended_test == truth),
            "label_changes_test": int((defended_test != clean).sum()),
            **examined.figures,
            **self.defended(defence).distortion(queried),
        }


def _finite(value):
    return float(value) if np.isfinite(value) else None
