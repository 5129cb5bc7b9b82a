"""The targeted Jacobian attack: moves inputs towards other classes."""

import dataclasses

import numpy as np

from attacks.queries.jacobian import EPOCHS
from attacks.queries.substitute_attack import SubstituteAttack
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class _Preset:
    seeds: int
    likeliest: int  # number of likeliest other classes to move to; 0: one at random


PRESETS = {
    "t_rnd": _Preset(seeds=100, likeliest=0),
    "jb_top3": _Preset(seeds=100, likeliest=3),
    "jbda_tr": _Preset(seeds=1000, likeliest=0),
}


class JacobianTargeted(SubstituteAttack):
    """Moves inputs towards other classes by several steps along a substitute's signed gradient.

    Formula, `steps` times from `x' = x`:
    `x' <- clip(x' - step (high - low) sign(d H(t, F(x')) / dx'))`, where `[low, high]` is the
    inputs' range, `t` a class other than the one that the oracle gave `x`, and `H(t, F(x'))` the
    cross-entropy between `t` and the substitute's answer. `clip` restricts each value to
    `[low, high]` and to a distance of `epsilon (high - low)` from that of `x`. All inputs queried
    so far are base points in each round.

    The presets:

    - `t_rnd` (arXiv 1906.10908): one other class, at random.
    - `jb_top3` (the same): the 3 other classes with the highest probabilities by the substitute, or
      all others if there are fewer. Each base point yields one input per class.
    - `jbda_tr` (ModelGuard, USENIX Security 2024, "JBDA-TR"): one other class at random, 1,000
      seeds.

    No number of seeds is published for the first two; they have the 100 seeds of
    `jacobian:preset=prediction_poisoning`. All three train each substitute afresh as that preset
    does, with the epochs of CleverHans. The step of the third is that of the first two.

    Args:
        preset: String, one of `"t_rnd"`, `"jb_top3"`, `"jbda_tr"`. Defaults to `"jb_top3"`.
        seeds: Integer, the number of pool inputs that are queried first, at most half of the
            budget. `0` takes the preset's number. Defaults to `0`.
        epsilon: Float in (0, 1], the radius of the ball as a fraction of the inputs' range.
            Defaults to `0.1`.
        step: Float in (0, 1], a fraction of the inputs' range. Defaults to `0.01`.
        steps: Positive integer, the number of steps for each input. Defaults to `8`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 preset: str = "jb_top3",
                 seeds: int = 0,
                 epsilon: float = 0.1,
                 step: float = 0.01,
                 steps: int = 8):
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: {preset!r}")
        for name, fraction in (("epsilon", epsilon), ("step", step)):
            if not 0 < fraction <= 1:
                raise ValueError(f"`{name}` must be in (0, 1]. Received: {fraction}")
        check_integer("steps", steps, least=1)
        check_integer("seeds", seeds, least=0, reason="0 takes the preset's")
        super().__init__(seeds or PRESETS[preset].seeds, EPOCHS, fresh=True)
        self.epsilon, self.step, self.steps = epsilon, step, steps
        self._likeliest = PRESETS[preset].likeliest

    def propose(self, substitute, base, rng):
        targets = self._targets(substitute, base, rng)
        starts = np.repeat(base.inputs, targets.shape[1], axis=0)
        step, radius = self.step * base.span, self.epsilon * base.span
        lowest, highest = base.clip(starts - radius), base.clip(starts + radius)
        points = starts
        for _ in range(self.steps):
            gradients = substitute.gradients(points, targets.ravel(), of="cross_entropy")
            points = np.clip(points - step * np.sign(gradients), lowest, highest)
        return points

    def _targets(self, substitute, base, rng):
        """The classes towards which the base points are moved, `[n, targets]`."""
        if not self._likeliest:
            away = rng.integers(1, base.num_classes, size=len(base.labels))
            return ((base.labels + away) % base.num_classes)[:, np.newaxis]
        scores = substitute.probabilities(base.inputs)
        scores[np.arange(len(scores)), base.labels] = -1
        count = min(self._likeliest, base.num_classes - 1)
        return np.argsort(-scores, axis=1, kind="stable")[:, :count]
