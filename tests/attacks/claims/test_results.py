"""`RESULTS.md` and the results of the paper's claims."""
import json
import os
import pathlib
import random
import shutil

import pytest

from attacks import run_experiment
from attacks.claims.catalogue import CLAIMS
from attacks.claims.catalogue import ORDER
from attacks.claims.outcome.document import document
from attacks.report.rows import agreement

ROOT = pathlib.Path(__file__).parents[3]
BASE = ROOT / "results" / "paper"
# Rounding alone moves a clone by 2 points.
TOLERANCE = 0.05


def test_the_document_is_the_one_that_the_results_make():
    """`python -m attacks.reproduce --write_results` writes it."""
    assert (ROOT / "RESULTS.md").read_text() == document(CLAIMS, ORDER, BASE)


def test_results_are_small():
    for path in BASE.rglob("*"):
        limit = 150_000 if path.suffix == ".png" else 20_000
        assert path.is_dir() or path.stat().st_size <= limit, path


@pytest.mark.slow
@pytest.mark.parametrize("number", CLAIMS)
def test_a_random_cell_of_a_claim_comes_out_again(number, tmp_path):
    """With the recipe that was chosen; data sets that are not there are skipped."""
    done = [(grid, json.loads(path.read_text())) for grid in CLAIMS[number].trial.grids
            for path in (grid.directory(BASE) / "cells").glob("*.json")]  # yapf: disable
    if not done:
        pytest.skip("There are no results yet.")
    grid, record = random.choice(done)
    if record["dataset"]["name"] != "digits" and "TFDS_DATA_DIR" not in os.environ:
        pytest.skip(f"{record['dataset']['name']} is looked for in TFDS_DATA_DIR.")
    place = list(map(str, grid.run(BASE).experiment.cells())).index(str(grid.cells()[record["id"]]))
    recipes = grid.directory(BASE) / "recipes"
    if recipes.exists():
        shutil.copytree(recipes, grid.directory(tmp_path) / "recipes")
        shutil.copy(grid.directory(BASE) / "run.flags", grid.directory(tmp_path))
    results = run_experiment(grid.run(tmp_path, f"--cells={place}"))
    again, = results.rows().to_dict("records")
    assert again["id"] == record["id"]
    assert abs(agreement(again) - record["metrics"]["agreement_clean"]) < TOLERANCE, record["id"]
