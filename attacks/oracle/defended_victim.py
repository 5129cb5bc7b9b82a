"""A victim as it answers behind a defence."""

from collections.abc import Callable
import functools

import keras
import numpy as np

from attacks.oracle.defences import layer_of
from attacks.oracle.deployed import Deployed
from models.data.streamed import Inputs
from models.inference import log_softmax
from models.inference import predict
from models.victim import OwnVictim
from models.victim import Victim
from revsig_keras import DefendedModel
from revsig_keras import metrics
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.coded.honest_rows import honest_rows
from revsig_keras.defended_model.expectations import check_configuration

# What `DefendedVictim.distortion` measures.
DISTORTION = ("distortion_kl_nats", "distortion_kl_bits", "distortion_kl_reverse_nats",
              "distortion_kl_reverse_bits", "distortion_l1", "label_changes")


class DefendedVictim:
    """A Keras victim as it answers under one defence.

    Args:
        victim: The clean victim.
        defence: Member of `revsig_keras.defences.catalogue.DEFENCES`; `none` answers cleanly.
        state: What it was fitted to, see `attacks.oracle.defences.layer_of`. Defaults to `""`.
    """

    def __init__(self, victim: Victim, defence: str, state: str = ""):
        layer = layer_of(defence, state)
        self._victim, self._layer = victim, layer
        self._model = victim.model if layer is None else DefendedModel(victim.model, layer)

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Returns the probabilities `[n, num_classes]` that a client receives."""
        return predict(self._model, inputs)

    def decode(self, answers: np.ndarray) -> np.ndarray | None:
        """Returns what an honest client reads from answers; `None` where it takes them as given.

        Args:
            answers: Probabilities `[n, num_classes]` that a client received.
        """
        if not isinstance(self._layer, CodedDefence):
            return None
        return honest_rows(self._layer, answers)

    def distortion(self, inputs: np.ndarray) -> dict[str, float | int | None]:
        """Measures what the defence does to the answers for `inputs`: means over the rows.

        The KL divergences are those of float64 log-probabilities, without a clip. An infinite one,
        where an answer of 0 stands for something possible, is None.
        """
        if self._layer is None:
            forward = backward = l1 = 0.0
            label_changes = 0
        else:
            log_clean, clean, answers = self.compare(inputs)
            cost = metrics.distortion(log_clean, answers)
            forward = cost.kl_clean_defended_nats.mean()
            backward = cost.kl_defended_clean_nats.mean()
            l1 = cost.l1.mean()
            label_changes = (answers.argmax(axis=1) != clean.argmax(axis=1)).sum()
        distances = forward, forward / np.log(2), backward, backward / np.log(2), l1
        measured = [*map(finite_or_none, distances), int(label_changes)]
        return dict(zip(DISTORTION, measured, strict=True))

    def compare(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns clean log-probabilities, and clean and defended probabilities for `inputs`."""
        logits, clean, answers = np.split(predict(self._stages, inputs), 3, axis=1)
        return log_softmax(logits), clean, answers

    @functools.cached_property
    def _stages(self):
        """Logits, clean and defended probabilities side by side, so that one pass has them all."""
        model = self._victim.model
        stages = [self._victim.logits, model.output, self._layer(model.output)]
        return keras.Model(model.input, keras.layers.Concatenate()(stages))


class DefendedOwnVictim(DefendedVictim):
    """A victim that was trained elsewhere, with the defence behind its answers.

    Args:
        victim: The clean victim.
        defence, state: See `DefendedVictim`.
    """

    def __init__(self, victim: OwnVictim, defence: str, state: str = ""):
        self._victim, self._layer = victim, layer_of(defence, state)
        if self._layer is not None:  # Its answers are like those of a softmax, whatever they were.
            check_configuration(keras.layers.Softmax(), victim.num_classes, self._layer)

    def predict(self, inputs):
        return self._defend(self._victim.probabilities(inputs))

    def compare(self, inputs):
        clean = self._victim.probabilities(inputs)
        log_clean = self._victim.log_probabilities(inputs)
        if log_clean is None:
            with np.errstate(divide="ignore"):
                log_clean = np.log(clean.astype(np.float64))
        return log_clean, clean, self._defend(clean)

    def _defend(self, clean):
        return clean if self._layer is None else np.asarray(self._layer(clean, training=False))


class DefendedVictims:
    """One victim under any defence; what is made for a defence is kept for its next use.

    Args:
        clean: The victim without a defence.
        deployed: Fits a defence, as written. Defaults to `Deployed`: nothing is fitted.
    """

    def __init__(self, clean: Victim | OwnVictim, deployed: Callable[[str], Deployed] = Deployed):
        self.clean, self.deployed = clean, deployed
        self._made: dict[str, DefendedVictim] = {}

    def under(self, defence: str) -> DefendedVictim:
        """Returns the victim under a defence, as written."""
        if defence not in self._made:
            kind = DefendedOwnVictim if isinstance(self.clean, OwnVictim) else DefendedVictim
            self._made[defence] = kind(self.clean, defence, self.deployed(defence).state)
        return self._made[defence]


def finite_or_none(value: float) -> float | None:
    """Returns the value as JSON can hold it: a finite Python number, or None."""
    return float(value) if np.isfinite(value) else None
