"""The thief that knows the defence and trains through it."""

import dataclasses

import numpy as np

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.guess import Guess
from attacks.adversaries.simulated_layer import why_not_trainable
from attacks.adversaries.through_code import ThroughCode
from attacks.adversaries.through_defence import ThroughDefence
from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import layer_of
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defences.coded.base import CodedDefence

# Without a guess, a learned parameter starts this far above its lowest value, or in the middle of a
# shorter interval.
_START = 0.5


class Aware(Adversary):
    """Trains the clone with the defence as its last layer, and then removes the layer.

    The defence-aware adversary of arXiv 1806.00054: the clone is trained so that its outputs match
    the answers after *the defence was applied to them*, with the loss of `ThroughDefence`. It is
    first trained on labels for a part of the steps, then through the defence for the others, and is
    evaluated without the layer.

    It takes any defence through which gradients flow, also one from outside the project, and coded
    defences, by the likelihood of the label and the bucket that an answer tells: `ThroughCode`.
    Nothing can be trained through rounded answers or labels.

    Assumed to know the defence with its parameters, or to guess it. A thief that learns is assumed
    to know the defence without the values of its continuous parameters (`Defence.ranges`), and of
    an endpoint that it has a Reverse Sigmoid; it learns the parameters together with its clone.
    Where there is no defence, it trains without one: a control.

    Args:
        beta: Float in (0, 2), the magnitude of a guessed Reverse Sigmoid. `0`, together with
            `gamma`: no such guess. Defaults to `0`.
        gamma: Float in (0, 1], likewise. Defaults to `0`.
        learn: Boolean, whether the continuous parameters are trained. They start at the guess or,
            without one, at 1/2 above their lowest value. Defaults to `False`.
        guess: String, a member of `DEFENCES`, the guessed defence. Defaults to `""`: the thief
            knows the deployed defence.
        know_secret: Boolean, whether a thief who knows the deployed defence also knows its secrets.
            Defaults to `False`.
        labels_first: Float in [0, 1), the fraction of the steps that train on labels. At least one
            step goes through the defence. Defaults to `0.5`.

    Raises:
        ValueError: If an argument is out of range.
    """
    nested = {"guess": DEFENCES}

    def __init__(self,
                 beta: float = 0.0,
                 gamma: float = 0.0,
                 learn: bool = False,
                 *,
                 guess: str = "",
                 know_secret: bool = False,
                 labels_first: float = 0.5):
        self.belief = Guess(beta, gamma, guess, know_secret)
        self.learn = learn
        if not 0 <= labels_first < 1:
            raise ValueError(f"`labels_first` must be in [0, 1). Received: {labels_first}")
        self.labels_first = labels_first
        if self.belief.is_guess:
            self._starts(self.belief.simulated(AS_SERVED))  # Refuses values that cannot be learned.

    def unfit(self, defence):
        if self._is_learned_unseen(defence):
            return None
        reason = self.belief.unfit(defence)
        if not reason:
            simulated = self.belief.simulated(defence)
            learns = self.learn and simulated != "none"
            layer = self.belief.layer(defence)
            if learns or not isinstance(layer, CodedDefence):
                reason = why_not_trainable(layer, learns)
            reason = reason and f"it cannot train through {simulated}: {reason}"
        return reason and f"aware against {defence}: {reason}"

    def check_classes(self, num_classes):
        self.belief.check_classes(num_classes)

    def read(self, answers, known):
        del known
        return answers

    def train(self, training, known, workshop):
        is_unseen = self._is_learned_unseen(known.defence)
        defence = "reverse_sigmoid" if is_unseen else self.belief.simulated(known.defence)
        first = min(round(self.labels_first * training.steps), training.steps - 1)
        start = training.start
        if first:
            start = workshop.train(dataclasses.replace(training.with_labels(), steps=first))
        objective = self._objective(defence, self.belief.known_state(known.defence_state))
        return workshop.train(
            dataclasses.replace(training,
                                objective=objective,
                                start=start,
                                steps=training.steps - first))

    def _objective(self, defence, state):
        if isinstance(layer_of(defence, state), CodedDefence):
            return ThroughCode(defence, state)
        return ThroughDefence(defence, self._starts(defence), state)

    def _is_learned_unseen(self, defence):
        """Whether the thief takes an endpoint's defence for a Reverse Sigmoid of any strength."""
        return self.learn and defence == AS_SERVED and not self.belief.is_guess

    def _starts(self, defence):
        """The learned parameters and the values at which they start."""
        layer = make_defence(defence) if self.learn else None
        starts = []
        for name, (low, high) in layer.ranges.items() if layer else ():
            start = low + min(_START, (high - low) / 2)
            if self.belief.is_guess:
                start = getattr(layer, name)
            if not has_room(start, low, high):
                raise ValueError(f"`{name}` must be above {low:g} and below {high:g} where it is "
                                 f"learned. Received: {name}={start}")
            starts.append((name, start))
        return tuple(starts)


def has_room(start: float, low: float, high: float) -> bool:
    """Whether a parameter can be learned from this value on: inside its range in float32 too.

    A value that rounds to an end stays there. An infinite range is refused elsewhere.
    """
    if not np.isfinite([low, high]).all():
        return low < start < high
    return bool(0 < np.float32((start - low) / (high - low)) < 1)
