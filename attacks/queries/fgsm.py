"""The FGSM attack: each round moves inputs to where the substitute errs."""

import numpy as np

from attacks.queries.substitute_attack import SubstituteAttack

_EPOCHS = 10


class FGSM(SubstituteAttack):
    """Moves inputs by one step of the fast gradient sign method (Goodfellow et al. 2015, arXiv
    1412.6572).

    Formula: `x' = clip(x + epsilon (high - low) sign(d H(c, F(x)) / dx))`, where `[low, high]` is
    the inputs' range, to which `clip` restricts each value, `c` the class that the oracle gave `x`,
    and `H(c, F(x))` the cross-entropy between `c` and the substitute's answer. The base points of a
    round are the inputs of the round before, so an input of round n lies up to
    `(n + 1) epsilon (high - low)` from its seed.

    No published attack consists of these steps alone, so there is no preset. The 100 seeds are
    those of `jacobian:preset=prediction_poisoning`. As in `jacobian:preset=cleverhans`, a round has
    10 epochs and a substitute starts from the weights of the last.

    Args:
        epsilon: Float in (0, 1], a fraction of the inputs' range. Defaults to `0.1`.
        seeds: Positive integer, the number of pool inputs that are queried first, at most half of
            the budget. Defaults to `100`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, epsilon: float = 0.1, seeds: int = 100):
        if not 0 < epsilon <= 1:
            raise ValueError(f"`epsilon` must be in (0, 1]. Received: {epsilon}")
        super().__init__(seeds, _EPOCHS, fresh=False)
        self.epsilon = epsilon

    def base_points(self, held, last, number, rng):
        del number
        return last + rng.permutation(held - last)

    def propose(self, substitute, base, rng):
        del rng
        gradients = substitute.gradients(base.inputs, base.labels, of="cross_entropy")
        return base.clip(base.inputs + self.epsilon * base.span * np.sign(gradients))
