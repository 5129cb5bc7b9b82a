"""The choices of recipes on disk: each made once, and read by all later runs."""
from concurrent import futures

import pytest

from attacks.clone.recipe import Recipe
from attacks.grid.cell import Cell
from attacks.results.choice_files import ChoiceFiles

CELL = Cell("none", "sample", "labels", 32, 1000)
RECIPES = [Recipe("mlp", "adam"), Recipe("mlp", "sgd")]
CHOICE = {"chosen": 1, "candidates": [{"recipe": recipe.describe()} for recipe in RECIPES]}


def test_a_choice_is_made_once_whoever_asks_at_one_time(tmp_path):
    made = []

    def run(_):
        files = ChoiceFiles(tmp_path)
        with files.claim(CELL) as is_open:
            if is_open:
                made.append(1)
                files.write(CELL, CHOICE)
        return files.read(CELL, RECIPES)["chosen"]

    with futures.ThreadPoolExecutor(4) as threads:
        assert set(threads.map(run, range(8))) == {1}
    assert len(made) == 1
    assert [path.name for path in (tmp_path / "recipes").iterdir()] == [f"{CELL.id}.json"]


@pytest.mark.parametrize("text",
                         ["", "[]", '{"schema_version": 9, "chosen": 1}', '{"schema_version": 1}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    files = ChoiceFiles(tmp_path)
    assert files.read(CELL, RECIPES) is None
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / f"{CELL.id}.json").write_text(text)
    with pytest.raises(ValueError, match="must hold the choice of a recipe"):
        files.read(CELL, RECIPES)


@pytest.mark.parametrize("recipes",
                         [RECIPES[::-1], RECIPES[:1], [Recipe("mlp", steps=9), *RECIPES[1:]]])
def test_a_choice_among_others_is_refused(tmp_path, recipes):
    files = ChoiceFiles(tmp_path)
    with files.claim(CELL):
        files.write(CELL, CHOICE)
    with pytest.raises(ValueError, match="`recipes` must be those of .*Name another directory"):
        files.read(CELL, recipes)
