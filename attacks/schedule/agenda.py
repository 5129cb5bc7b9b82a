"""What a run has to do, victim by victim."""

from typing import Any

from attacks.clone.recipe import Recipe
from attacks.grid.cell import Cell
from attacks.grid.config import RunConfig
from attacks.grid.victim_key import VictimKey
from attacks.schedule.progress import Progress
from attacks.schedule.shared_store import SharedStore


class Agenda:
    """The cells of a run that have no result yet, and the recipes to be chosen for them before.

    Args:
        config: The run.
        store: Its output directory.
        progress: Told how many steps there are.
    """

    def __init__(self, config: RunConfig, store: SharedStore, progress: Progress):
        self._experiment, self._store, self._progress = config.experiment, store, progress
        self._own = config.own_cells()
        self._missing = store.missing(self._own)
        self._chooser = store.first_victim()
        self._choices: dict[Cell, dict[str, Any]] = {}
        self._expected: dict[Cell, int] = {}
        self._expect()
        progress.expects_cells(len(self._missing))

    def victims(self) -> list[VictimKey]:
        """The victims that are needed; the one on which recipes are chosen comes first."""
        chooser = [self._chooser] if self._choosing() else []
        return list(dict.fromkeys([*chooser, *(cell.victim for cell in self._own)]))

    def leave_out(self, cells: set[Cell]) -> None:
        """Takes cells off the agenda, before the first of them is done."""
        before = len(self._missing)
        self._missing = [cell for cell in self._missing if cell not in cells]
        self._progress.expects_cells(len(self._missing) - before)
        for cell in self._expected.keys() - {*self._missing, *self._choosing()}:
            self._progress.expects(-self._expected.pop(cell))

    def choosing(self, victim: VictimKey) -> list[Cell]:
        """The cells on which recipes are still to be chosen, if that is done on this victim."""
        return self._choosing() if victim == self._chooser else []

    def cells(self, victim: VictimKey) -> list[Cell]:
        """The cells of a victim, once the recipes are chosen."""
        self._expect()
        return [cell for cell in self._missing if cell.victim == victim]

    def recipes(self, cell: Cell) -> list[Recipe]:
        """The recipes that a cell chooses from; only one where it was chosen before."""
        candidates, choice = self._experiment.candidates(cell), self.choice(cell)
        return [candidates[choice["chosen"]]] if choice else candidates

    def first_recipe(self, cell: Cell) -> Recipe:
        """The recipe by which the substitutes of a cell's attack are trained."""
        return self._experiment.candidates(cell)[0]

    def steps(self, cell: Cell) -> int:
        """The number of training steps of a cell."""
        return self._expected[cell]

    def choice(self, cell: Cell) -> dict[str, Any] | None:
        """The record of the choice that was made for a cell before, or `None`."""
        chooser = self._experiment.choosing_cell(cell, self._chooser)
        return chooser and self._choice_on(chooser)

    def _choosing(self):
        choosers = (self._experiment.choosing_cell(cell, self._chooser) for cell in self._missing)
        return [cell for cell in dict.fromkeys(filter(None, choosers)) if not self._choice_on(cell)]

    def _choice_on(self, cell):
        if cell not in self._choices:
            choice = self._store.read_choice(cell, self._experiment.candidates(cell))
            if choice is None:
                return None
            self._choices[cell] = choice
        return self._choices[cell]

    def _expect(self):
        """Tells the steps that are known by now: not those of cells whose recipe is still open."""
        choosing = dict.fromkeys(self._choosing())
        known = [
            cell for cell in self._missing
            if self._experiment.choosing_cell(cell, self._chooser) not in choosing
        ]
        for cell in (*choosing, *known):
            if cell not in self._expected:
                recipes = None if cell in choosing else self.recipes(cell)
                self._expected[cell] = self._experiment.count_steps(cell, recipes)
                self._progress.expects(self._expected[cell])
