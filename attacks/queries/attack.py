"""The base class of attacks."""

import abc

from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from models.data.streamed import Inputs


class Attack(abc.ABC):
    """Chooses the inputs that a thief queries.

    To add an attack, write a subclass and add it with `ATTACKS.add(name, cls)`. The options of its
    member (`name:key=value`) are the arguments of `__init__` that have a default of type float,
    int, bool or str; `__init__` raises `ValueError` for values out of range. A run makes a new
    instance for every cell and then calls, in this order:

    1. `check(budget, pools)`, before anything is trained or queried: raises `ValueError` for a
       budget or a shape of inputs that the attack cannot serve. By default the budget may be as
       large as `candidates`.
    2. `candidates(pools)`: the unlabelled inputs that this thief has, from which the adversary can
       learn too. By default those of the victim's own domain.
    3. `max_shift(input_shape)`: the number of pixels by which the clone's training shifts images
       at random, which costs nothing. By default 0.
    4. `steal(thief)`, once: queries inputs until the budget is spent. The attack sees neither the
       victim nor an answer that the adversary has not read. It works with the `Thief`:
       a. `thief.ask(inputs)` queries one round of inputs and returns targets, which are what the
          adversary makes of the answers. The oracle charges each distinct row and refuses rows
          beyond the budget. `thief.left` is the number of inputs that can still be queried.
       b. `thief.substitute(epochs)` trains a model, through the adversary, on all answers so far,
          for attacks that adapt to them.
       c. `thief.untrained(purpose)` makes a model of the clone's architecture, for attacks that
          train one themselves; with `thief.start_from(model, ...)` the clone starts from it.
       d. `thief.random(purpose)` is a stream of random numbers that follows from the seed.

    The clone is trained on all answers. An attack that does not adapt to them draws once per seed
    and its queries are nested: those of a smaller budget are the first of a larger one.

    Attributes:
        asks_own_rows: Whether all inputs that it queries are rows of `Pools.own`, whose true labels
            the evaluator has.
        needs: `"probabilities"`, or `"labels"` if the attack works where the thief gets, or keeps,
            labels only. Other cells are left out, and the reason is printed.
    """
    asks_own_rows = False
    needs = "labels"

    def check(self, budget: int, pools: Pools) -> None:
        """Raises `ValueError` if the attack cannot query so many inputs."""
        rows = len(self.candidates(pools))
        if budget > rows:
            raise ValueError(f"`budgets` must be at most the {rows} rows of the thief's pool. "
                             f"Received: {budget}")

    def candidates(self, pools: Pools) -> Inputs:
        """Returns the unlabelled inputs `[rows, ...]` that this thief has."""
        return pools.own

    @abc.abstractmethod
    def steal(self, thief: Thief) -> None:
        """Queries inputs until the budget is spent."""

    def max_shift(self, input_shape: tuple[int, ...]) -> int:
        """Returns the pixels by which a training step may shift an image at random while it keeps
        its answer: augmentation after the query."""
        del input_shape
        return 0
