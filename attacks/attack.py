"""The base of all attacks: which inputs are queried."""

import abc
from collections.abc import Callable
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class TransferSet:
    """What a thief has paid for: the set that the clone is trained on.

    Attributes:
        inputs: Array `[n, ...]` of the queried inputs.
        targets: Array `[n, num_classes]`, what the adversary made of the answers.
        max_shift: Pixels by which a training step may shift an image at random while it keeps its
            target: augmentation after the query, which costs nothing.
    """
    inputs: np.ndarray
    targets: np.ndarray
    max_shift: int = 0


class Attack(abc.ABC):
    """Chooses the inputs that a thief queries.

    The protocol, for every attack:

    1. `check` refuses a budget or a shape of inputs that the attack cannot serve, before anything
       is trained.
    2. `steal` gets a function `ask`, the thief's pool of inputs, the budget and the thief's seed.
       It never sees the victim, nor an answer that the adversary has not read.
    3. It calls `ask(inputs)` as often as it likes, in batches. The oracle behind it charges each
       distinct row and refuses past the budget.
    4. It returns all that it was answered as a `TransferSet`.

    An attack that does not adapt to the answers draws once per seed, and its queries are nested:
    those of a smaller budget are the first of a larger one's.
    """

    def check(self, budget: int, pool_rows: int, input_shape: tuple[int, ...]) -> None:
        """Raises `ValueError` if the attack cannot spend `budget` on such a pool."""
        del input_shape
        if budget > pool_rows:
            raise ValueError(
                f"`--budgets` must be at most the {pool_rows} rows of the thief's pool. "
                f"Received: {budget}")

    @abc.abstractmethod
    def steal(self, ask: Callable[[np.ndarray], np.ndarray], pool: np.ndarray, budget: int,
              seed: int) -> TransferSet:
        """Queries at most `budget` distinct inputs.

        Args:
            ask: Function from inputs `[n, ...]` to targets `[n, num_classes]`.
            pool: Array `[rows, ...]`, the inputs that the thief has.
            budget: The number of distinct rows that may be asked.
            seed: The thief's seed.
        """
