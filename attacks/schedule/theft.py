"""A theft: a thief's queries, and the clone that they end in."""

from collections.abc import Callable
import dataclasses

from attacks.adversaries.adversary import Known
from attacks.clone.choice import Choice
from attacks.clone.choice import choose
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from attacks.targets.target import Target


@dataclasses.dataclass(frozen=True, eq=False)
class Theft:
    """A theft.

    Attributes:
        thief: The thief, after its queries.
        asks_victim: Whether it queried the victim; the control does not.
        queries_used: The number of distinct rows that it queried.
        choice: Its clone, and the recipes that it chose from.
    """
    thief: Thief
    asks_victim: bool
    queries_used: int
    choice: Choice


def steal(cell: Cell, pools: Pools, target: Target, workshop: Workshop,
          progress: Callable[[int], None] | None) -> Theft:
    """The thief of a cell queries the oracle and trains its clone.

    Args:
        cell: The cell.
        pools: The inputs that the thief has.
        target: The victim.
        workshop: Trains the clones. Of its candidates, the recipe is chosen by the evaluator's
            validation rows.
        progress: Called with the number of steps done since its last call, or `None`.
    """
    attack, adversary = ATTACKS.make(cell.attack), ADVERSARIES.make(cell.adversary)
    asks_victim, evaluator = adversary.needs != "truth", target.evaluator
    oracle = (target.oracle(cell.defence, cell.budget) if asks_victim else LocalOracle(
        target.truth, cell.budget))
    known = Known(cell.defence, attack.candidates(pools), cell.seed, workshop.memory,
                  target.deployed(cell.defence).state,
                  target.clean if adversary.sees_clean else None)
    thief = Thief(oracle, adversary, known, pools, workshop, attack.max_shift(pools.input_shape))
    attack.steal(thief)
    choice = choose(workshop.candidates or [workshop.recipe],
                    lambda recipe: thief.clone(evaluator.watch, progress, recipe),
                    evaluator.validation)
    return Theft(thief, asks_victim, oracle.queries_used if asks_victim else 0, choice)
