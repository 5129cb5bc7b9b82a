"""Running one cell: the thief queries, trains clones and is measured."""

from collections.abc import Callable
import dataclasses
from typing import Any

from attacks.clone.clone import Clone
from attacks.clone.workshop import Workshop
from attacks.grid.cell import Cell
from attacks.queries.pools import Pools
from attacks.results.kept_clones import keep_clone
from attacks.schedule.agenda import Agenda
from attacks.schedule.progress import Progress
from attacks.schedule.shared_store import SharedStore
from attacks.schedule.stopwatch import Stopwatch
from attacks.schedule.theft import steal
from attacks.targets.target import Target

# What the record of a choice says of where it was made.
_OF_CHOICES = ("commit", "versions", "dataset", "files", "hardware")


@dataclasses.dataclass(frozen=True, eq=False)
class CellRunner:
    """Runs the cells of one victim, and the choices of recipes on it, and writes their results.

    Attributes:
        store: The output directory.
        agenda: Knows the recipes of a cell.
        origin: The part of each record that all cells of the victim have in common.
        pools: The inputs that the thieves have.
        target: The victim.
        progress: The progress bar.
        keeps_clones: Whether clones are kept.
    """
    store: SharedStore
    agenda: Agenda
    origin: dict[str, Any]
    pools: Pools
    target: Target
    progress: Progress
    keeps_clones: bool = False

    def run(self, cell: Cell, workshop: Workshop, check: Callable[[], None]) -> None:
        """Runs a cell, unless another run has done it or is doing it; see `run_groups`."""
        recipes, choice = self.agenda.recipes(cell), self.agenda.choice(cell)
        running = self.progress.running(str(cell), self.agenda.steps(cell))
        with running as count, self.store.claim(cell) as is_free:
            if is_free:
                watch = self._stopwatch()
                result = run_cell(cell, self.pools, self.target, self._in(workshop, cell, recipes),
                                  _advance(check, count), self._keep(cell))
                if choice:
                    result["clone"]["chosen_on"] = choice["cell"]
                    result["clone"]["candidates"] = choice["candidates"]
                record = {**self.origin, **result, **watch.read()}
                self.store.write(cell, record, self.target.deployed(cell.defence))
        self.progress.cell_done()

    def choose(self, cell: Cell, workshop: Workshop, check: Callable[[], None]) -> None:
        """Chooses the recipe of all cells like this one, which is not measured itself."""
        recipes = self.agenda.recipes(cell)
        running = self.progress.running(f"recipe for {cell}", self.agenda.steps(cell))
        with running as count, self.store.claim_choice(cell) as is_open:
            if is_open:
                watch = self._stopwatch()
                theft = steal(cell, self.pools, self.target, self._in(workshop, cell, recipes),
                              _advance(check, count))
                chosen = recipes.index(theft.choice.recipe)
                common = {name: self.origin[name] for name in _OF_CHOICES}
                self.store.write_choice(
                    cell, {
                        "cell": cell.describe(),
                        "victim": {"fingerprint": self.origin["victim"]["fingerprint"]},
                        "chosen": chosen,
                        "candidates": theft.choice.candidates,
                        **watch.read(),
                        **common,
                    })  # yapf: disable

    def _in(self, workshop, cell, recipes):
        """The workshop of this cell; the first recipe trains the substitutes of its attack."""
        return dataclasses.replace(workshop,
                                   recipe=self.agenda.first_recipe(cell),
                                   candidates=tuple(recipes),
                                   checkpoint=self.store.checkpoint(cell))

    def _stopwatch(self):
        return Stopwatch(self.origin["hardware"]["clones_at_once"])

    def _keep(self, cell):
        if not self.keeps_clones:
            return None
        test = self.target.evaluator.test
        return lambda clone: keep_clone(self.store.directory, cell, clone, test.x)


def run_cell(cell: Cell,
             pools: Pools,
             target: Target,
             workshop: Workshop,
             progress: Callable[[int], None] | None,
             keep: Callable[[Clone], None] | None = None) -> dict[str, Any]:
    """One cell: the thief queries the oracle and trains a clone, the evaluator measures it.

    Args:
        cell: The cell.
        pools: The inputs that the thief has.
        target: The victim.
        workshop: Trains the clones.
        progress: Called with the number of steps done since its last call, or `None`.
        keep: Called with the clone. Defaults to `None`.

    Returns:
        The part of the cell's record that is its own.
    """
    theft = steal(cell, pools, target, workshop, progress)
    clone, evaluator, choice = theft.choice.clone, target.evaluator, theft.choice
    if keep:
        keep(clone)
    queried = theft.thief.inputs if theft.asks_victim else None
    described = {**clone.describe(), "recipe": choice.recipe.describe()}
    return {
        "cell": cell.describe(),
        "queries_used": theft.queries_used,
        "queries_per_round": theft.thief.rows_per_round if theft.asks_victim else [],
        "metrics": evaluator.measure(clone, cell.defence, queried),
        "rows": evaluator.rows(clone),
        "clone": {
            **described, "candidates": choice.candidates
        } if choice.candidates else described,
    }


def _advance(check, count):
    """Counts steps, unless another thread has failed."""

    def advance(steps):
        check()
        count(steps)

    return advance
