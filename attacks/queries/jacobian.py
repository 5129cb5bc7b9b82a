"""The Jacobian attack: augments the queries along a substitute's gradients."""

from collections.abc import Callable
import dataclasses

import numpy as np

from attacks.queries.substitute_attack import SubstituteAttack
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class _Preset:
    seeds: int
    epochs: int  # of each round
    step: float
    score: str  # of `models.gradients.SCORES`
    sign: Callable[[int], int]  # of the step, by the number of the round
    fresh: bool
    clipped: bool
    models: int | None = None  # trained in all, including the clone; None: no bound
    doublings: int | None = None  # rounds before the reservoir; None: no reservoir
    reservoir: int = 0  # base points of each round from then on


PRESETS = {
    "cleverhans":
        _Preset(seeds=150,
                epochs=10,
                step=0.1,
                score="logit",
                sign=lambda number: (-1)**(number // 3),
                fresh=False,
                clipped=False,
                models=6),
    "prediction_poisoning":
        _Preset(seeds=100,
                epochs=20,
                step=0.1,
                score="cross_entropy",
                sign=lambda number: (-1)**round(number / 5),
                fresh=True,
                clipped=True,
                doublings=3,
                reservoir=400),
}


class Jacobian(SubstituteAttack):
    """Moves inputs along the sign of a substitute's gradient (Papernot et al. 2017, arXiv
    1602.02697, "Jacobian-based dataset augmentation").

    Formula: `x' = x + s step (high - low) sign(d F_c(x) / dx)`, where `[low, high]` is the inputs'
    range, `c` the class that the oracle gave `x`, `F_c` a score of the substitute, and `s` 1 or -1,
    depending on the round. Unless there is a reservoir, all inputs queried so far are base points
    in each round, which doubles them.

    The presets, with rounds counted from 0, and how they differ from their sources:

    - `cleverhans`, the tutorial of CleverHans 3.1 (`mnist_blackbox.py`): 150 seeds, step .1, `F_c`
      the logit of the class, `s = (-1)^(round // 3)`, 10 epochs per round, each substitute starts
      from the weights of the last, with a new optimiser. New inputs are not clipped, so they may
      leave the range. There are 5 rounds, so at most 4,800 inputs: 6 models are trained, and the
      clone is the last. Differs: none of these; there the thief is `labels`, its seeds are test
      rows. (Before May 2020, CleverHans had the opposite signs.)
    - `prediction_poisoning`, the public code of arXiv 1906.10908 (`jacobian.py`, policy `jbda`):
      100 seeds, step .1, `F_c` the cross-entropy between the class and the substitute's answer,
      `s = (-1)^rounded(round / 5)`, new inputs clipped to the range, 20 epochs per round, each
      substitute trained afresh. From round 3 on the base points are 400 inputs drawn from all
      without replacement, so that growth turns from doubling into linear; there the 400 are the
      class's default, and its program draws none unless it is asked to. Differs: the code works on
      standardised inputs, overwrites the seeds by the points made of them, and takes the first base
      points where the budget ends, not random ones.

    The batch size, the optimiser and the largest number of steps are those of the clone.

    Args:
        preset: String, one of `"cleverhans"`, `"prediction_poisoning"`. Defaults to
            `"cleverhans"`.
        seeds: Integer, the number of pool inputs that are queried first, at most half of the
            budget. `0` takes the preset's number. Defaults to `0`.
        step: Float in [0, 1], a fraction of the inputs' range. `0` takes the preset's. Defaults to
            `0.0`.
        rounds: Integer of at least 2, the number of models trained in all, including the clone. `0`
            takes the preset's number. Defaults to `0`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 preset: str = "cleverhans",
                 seeds: int = 0,
                 step: float = 0.0,
                 rounds: int = 0):
        if preset not in PRESETS:
            raise ValueError(f"`preset` must be one of {', '.join(PRESETS)}. Received: {preset!r}")
        if not 0 <= step <= 1:
            raise ValueError(f"`step` must be in [0, 1], 0 for the preset's. Received: {step}")
        check_integer("seeds", seeds, least=0, reason="0 takes the preset's")
        if rounds != 0:
            check_integer("rounds", rounds, least=2, reason="0 takes the preset's")
        chosen = PRESETS[preset]
        models = rounds or chosen.models
        super().__init__(seeds or chosen.seeds, chosen.epochs, chosen.fresh, models and models - 1)
        self.preset = preset
        self.step = step or chosen.step
        self._chosen = chosen

    def check(self, budget, pools):
        if self.rounds is None:
            return
        seeds = most = self.count_seeds(budget, len(pools.own))
        for number in range(self.rounds):
            most += self._count_base_points(most, number)
        if budget > most:
            raise ValueError(
                f"`budgets` must be at most the {most} inputs that jacobian:preset={self.preset} "
                f"makes of {seeds} seeds while it trains {self.rounds + 1} models; a larger "
                f"`:rounds=` makes more. Received: {budget}")

    def base_points(self, held, last, number, rng):
        return rng.permutation(held)[:self._count_base_points(held, number)]

    def propose(self, substitute, base, rng):
        del rng
        gradients = substitute.gradients(base.inputs, base.labels, of=self._chosen.score)
        step = self._chosen.sign(base.round) * self.step * base.span
        points = base.inputs + step * np.sign(gradients)
        return base.clip(points) if self._chosen.clipped else points

    def _count_base_points(self, held, number):
        doublings, reservoir = self._chosen.doublings, self._chosen.reservoir
        return held if doublings is None or number < doublings else min(held, reservoir)
