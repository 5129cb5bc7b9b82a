"""The targeted Jacobian attack: inputs are moved towards other classes."""

import dataclasses

import numpy as np

from attacks.queries.jacobian import EPOCHS
from attacks.queries.substitute_attack import SubstituteAttack


@dataclasses.dataclass(frozen=True)
class _Preset:
    seeds: int
    likeliest: int  # other classes that are targets; 0: one at random


PRESETS = {
    "t_rnd": _Preset(seeds=100, likeliest=0),
    "jb_top3": _Preset(seeds=100, likeliest=3),
    "jbda_tr": _Preset(seeds=1000, likeliest=0),
}


class JacobianTargeted(SubstituteAttack):
    """Moves inputs towards other classes by several steps of a substitute's signed gradient.

    Formula, `steps` times from `x' = x`:
    `x' <- clip(x' - step (high - low) sign(d H(t, F(x')) / dx'))`, `[low, high]` the inputs'
    range, `t` another class than the one that the oracle gave `x`, and `H(t, F(x'))` the
    cross-entropy between it and the substitute. `clip` moves each value into `[low, high]`, and to
    no more than `epsilon (high - low)` from that of `x`. All inputs that were asked are base
    points in each round.

    The presets:

    - `t_rnd` (arXiv 1906.10908): one other class, at random.
    - `jb_top3` (the same): the 3 other classes to which the substitute gives the highest
      probabilities, so three inputs of each base point; all others if there are fewer.
    - `jbda_tr` (ModelGuard, USENIX Security 2024, "JBDA-TR"): one other class at random, 1,000
      seeds.

    The first two have the 100 seeds of `jacobian:preset=prediction_poisoning`, for want of a
    source of their own, and all train each substitute afresh as that does. The step of the third is
    that of the first two, and the epochs of all three are those of CleverHans.

    Args:
        preset: String, one of `"t_rnd"`, `"jb_top3"`, `"jbda_tr"`. Defaults to `"jb_top3"`.
        seeds: Integer, inputs of the pool that are asked first; at most half of the budget are. 0
            is the preset's number. Defaults to `0`.
        epsilon: Float in (0, 1], the radius of the ball as a share of the inputs' range. Defaults
            to `0.1`.
        step: Float in (0, 1], a share of the inputs' range. Defaults to `0.01`.
        steps: Positive integer, steps of each input. Defaults to `8`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(self,
                 preset: str = "jb_top3",
                 seeds: int = 0,
                 epsilon: float = 0.1,
                 step: float = 0.01,
                 steps: int = 8):
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: {preset!r}")
        for name, share in (("epsilon", epsilon), ("step", step)):
            if not 0 < share <= 1:
                raise ValueError(f"`{name}` must be in (0, 1]. Received: {share}")
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1. Received: {steps}")
        super().__init__(seeds or PRESETS[preset].seeds, EPOCHS, fresh=True)
        self.epsilon, self.step, self.steps = epsilon, step, steps
        self._likeliest = PRESETS[preset].likeliest

    def propose(self, substitute, base, rng):
        targets = self._targets(substitute, base, rng)
        starts = np.repeat(base.inputs, targets.shape[1], axis=0)
        step, radius = base.share(self.step), base.share(self.epsilon)
        lowest, highest = base.clip(starts - radius), base.clip(starts + radius)
        points = starts
        for _ in range(self.steps):
            gradients = substitute.gradients(points, targets.ravel(), of="cross_entropy")
            points = np.clip(points - step * np.sign(gradients), lowest, highest)
        return points

    def _targets(self, substitute, base, rng):
        """The classes towards which each base point is moved, `[n, targets]`."""
        if not self._likeliest:
            away = rng.integers(1, base.num_classes, size=len(base.labels))
            return ((base.labels + away) % base.num_classes)[:, np.newaxis]
        scores = substitute.probabilities(base.inputs)
        scores[np.arange(len(scores)), base.labels] = -1
        count = min(self._likeliest, base.num_classes - 1)
        return np.argsort(-scores, axis=1, kind="stable")[:, :count]
