"""The base of all attacks: which inputs are queried."""

import abc

from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from models.data.streamed import Inputs


class Attack(abc.ABC):
    """Chooses the inputs that a thief queries.

    The protocol, for every attack:

    1. `check` refuses a budget or a shape of inputs that the attack cannot serve, before anything
       is trained.
    2. `steal` gets the `Thief`: the pools of inputs that it has, its budget and its seed. It never
       sees the victim, nor an answer that the adversary has not read.
    3. It calls `thief.ask(inputs)` as often as it likes, a round each time, and gets what the
       adversary makes of the answers. The oracle charges each distinct row and refuses past the
       budget; `thief.left` says how many inputs can still be asked.
    4. An attack that adapts calls `thief.substitute(...)`: a model trained, through the adversary,
       on all that was answered so far.
    5. All that was answered is what the clone is trained on; `max_shift` says by how many pixels
       its training may shift the images, which costs nothing.

    An attack that does not adapt to the answers draws once per seed, and its queries are nested:
    those of a smaller budget are the first of a larger one's.
    """

    def check(self, budget: int, pools: Pools) -> None:
        """Raises `ValueError` if the attack cannot spend a budget of so many inputs."""
        rows = len(self.candidates(pools))
        if budget > rows:
            raise ValueError(f"`--budgets` must be at most the {rows} rows of the thief's pool. "
                             f"Received: {budget}")

    def candidates(self, pools: Pools) -> Inputs:
        """The unlabelled inputs `[rows, ...]` that this thief has, to draw from and to learn from:
        by default those of the victim's own domain."""
        return pools.own

    @abc.abstractmethod
    def steal(self, thief: Thief) -> None:
        """Queries inputs until the budget is spent."""

    def max_shift(self, input_shape: tuple[int, ...]) -> int:
        """Pixels by which a training step may shift an image at random while it keeps its answer:
        augmentation after the query."""
        del input_shape
        return 0
