"""What is to be done: victim by victim, with the right number of steps."""
import contextlib

import pytest

from attacks.grid.cell import Cell
from attacks.grid.recipe_choice import RecipeChoice
from attacks.schedule.agenda import Agenda
from tests.attacks.grid.test_config import run_config

CHOICE = RecipeChoice(("adam:steps=3", "sgd:steps=5"), 9)


class Store:
    """A directory in which some cells are done and some recipes are chosen."""

    def __init__(self, config, done=(), choices=()):
        self.config, self.done, self.choices = config, set(done), dict(choices)

    def missing(self, cells):
        return [cell for cell in cells if cell not in self.done]

    def first_victim(self):
        return self.config.experiment.victims()[0]

    def read_choice(self, cell, recipes):
        assert [recipe.steps for recipe in recipes] == [3, 5]
        return self.choices.get(cell)


class Total:
    """A progress bar that is only told how many steps and cells there are."""
    steps = cells = 0

    def expects(self, steps):
        self.steps += steps

    def expects_cells(self, cells):
        self.cells += cells

    running = contextlib.nullcontext


def agenda(done=(), choices=(), cells=None, **experiment):
    arguments = {"victim_seeds": (0, 1), "budgets": (10,), "seeds": (0,), **experiment}
    config = run_config(**arguments)
    store, total = Store(config, done, choices), Total()
    return Agenda(config, store, total), store, total


def test_all_candidates_of_all_missing_cells_are_counted():
    grid, store, total = agenda(choice=RecipeChoice(CHOICE.recipes))
    cells = store.config.experiment.cells()
    assert total.steps == len(cells) * 8 and grid.steps(cells[0]) == 8
    assert sum((grid.cells(victim) for victim in grid.victims()), []) == cells
    assert total.cells == len(cells)
    grid.leave_out(set(cells[:3]))
    assert total.steps == (len(cells) - 3) * 8 and total.cells == len(cells) - 3
    assert agenda(done=cells[1:], choice=RecipeChoice(CHOICE.recipes))[2].steps == 8


def test_a_choice_is_counted_first_and_cells_once_their_recipe_is_known():
    grid, store, total = agenda(choice=CHOICE)
    first, second = grid.victims()
    choosing = grid.choosing(first)
    assert len(choosing) == 4 and total.steps == 4 * 8 and grid.choosing(second) == []
    assert len(grid.recipes(choosing[0])) == 2
    for place, cell in enumerate(choosing):
        store.choices[cell] = {"chosen": place % 2}
    cells = grid.cells(first) + grid.cells(second)
    assert grid.choosing(first) == []
    assert [len(grid.recipes(cell)) for cell in cells] == [1] * 8
    assert total.steps == 4 * 8 + 4 * 3 + 4 * 5
    assert {grid.choice(cell)["chosen"] for cell in cells} == {0, 1}
    again = agenda(choice=CHOICE, choices=store.choices)
    assert again[2].steps == 4 * 3 + 4 * 5 and again[0].choosing(first) == []


def test_cells_are_looked_up_and_not_compared_with_all_others(monkeypatch):
    compared, equal = [], Cell.__eq__
    monkeypatch.setattr(Cell, "__eq__",
                        lambda self, other: compared.append(1) or equal(self, other))
    for choice in (RecipeChoice(), CHOICE):
        compared.clear()
        _, store, _ = agenda(seeds=tuple(range(8)), budgets=(10, 20, 40, 80), choice=choice)
        assert len(compared) < 4 * len(store.config.experiment) == 4 * 256


def test_what_is_left_out_needs_no_choice():
    grid, store, total = agenda(choice=CHOICE, defences=("none",), adversaries=("labels",))
    grid.leave_out(set(store.config.experiment.cells()))
    assert total.steps == 0 and grid.choosing(grid.victims()[0]) == []


@pytest.mark.parametrize("choice, victims", [(RecipeChoice(), [1]), (CHOICE, [None, 1])])
def test_the_victim_on_which_recipes_are_chosen_is_opened_too(choice, victims):
    config = run_config(victim_seeds=(0, 1), budgets=(10,), seeds=(0,), choice=choice)
    done = [cell for cell in config.experiment.cells() if cell.victim_seed is None]
    own = run_config(victim_seeds=(1,), budgets=(10,), seeds=(0,), choice=choice)
    store = Store(config, done)
    assert [key.victim_seed for key in Agenda(own, store, Total()).victims()] == victims
