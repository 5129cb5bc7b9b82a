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
from attacks.claims.outcome.assessment import assess_all
from attacks.claims.outcome.cost import Cost
from attacks.claims.outcome.cost import cost_of
from attacks.claims.outcome.cost import hours_of_all
from attacks.claims.outcome.document import document
from attacks.claims.outcome.document import SUMMARY_BEGINS
from attacks.claims.outcome.document import SUMMARY_ENDS
from attacks.claims.outcome.document import with_summary
from attacks.claims.outcome.figures import figures_of
from attacks.report.rows.rows import agreement
from attacks.results.digest import sealed
from attacks.results.digest import unsealed
from attacks.results.records import read_cells

ROOT = pathlib.Path(__file__).parents[3]
BASE = ROOT / "results" / "paper"
# Rounding alone moves a clone by 2 points.
TOLERANCE = 0.05
LARGEST_FIGURE = 150_000


@pytest.fixture(scope="module")
def assessments():
    return assess_all(CLAIMS, BASE)


def test_the_document_is_the_one_that_the_results_make(assessments):
    """`python -m attacks.reproduce --write_results` writes it."""
    assert (ROOT / "RESULTS.md").read_text() == document(CLAIMS, ORDER, assessments, BASE)


def test_a_run_costs_what_its_cells_its_recipes_and_its_victims_do():
    """Each victim once, however many cells attack it."""
    records = read_cells(BASE / "mnist_curve")
    cost, victims = cost_of(BASE / "mnist_curve"), {}
    for record in records:
        victims[record["victim"]["split_seed"]] = record["victim"]["train_seconds"]
    assert len(records) > len(victims) == 8
    assert cost.victim_hours == pytest.approx(sum(victims.values()) / 3600)
    assert cost.cpu_hours > sum(record["cpu_seconds"] for record in records) / 3600
    assert cost.hours == pytest.approx(cost.cpu_hours / 2)


def test_a_victim_that_several_runs_attack_is_counted_once():
    """Unless it was trained again: then it took other seconds."""
    first = Cost(1.0, 2.0, {"a": 3600.0, "b": 7200.0}, ())
    copied = Cost(0.5, 1.0, {"b": 7200.0}, ())
    again = Cost(0.25, 0.5, {"b": 3601.0}, ())
    assert hours_of_all([first, copied]) == (1.5, 3.0)
    assert hours_of_all([first, again]) == (1.25, pytest.approx(4.0003, abs=1e-4))


def test_the_summary_in_the_readme_is_that_of_the_document(assessments):
    readme = (ROOT / "README.md").read_text()
    assert readme == with_summary(readme, CLAIMS, assessments)
    assert all(mark in readme for mark in (SUMMARY_BEGINS, SUMMARY_ENDS))


@pytest.mark.parametrize("number", CLAIMS)
def test_the_figures_of_a_claim_show_its_results(number, assessments):
    """`python -m attacks.reproduce --write_results` draws them."""
    for figure in figures_of(CLAIMS[number], assessments[number], BASE):
        assert figure.is_fresh(), figure.path
        assert figure.path.stat().st_size <= LARGEST_FIGURE, figure.path


def test_every_figure_is_shown(assessments):
    shown = {figure.path for number, claim in CLAIMS.items()
             for figure in figures_of(claim, assessments[number], BASE)}  # yapf: disable
    assert set(BASE.rglob("*.png")) <= shown


def test_results_are_small():
    """No cell has more than 20 kB, and no figure more than 150 kB."""
    for suffix, limit in (("json", 20_000), ("png", LARGEST_FIGURE)):
        for path in BASE.rglob(f"*.{suffix}"):
            assert path.stat().st_size <= limit, path


@pytest.mark.slow
@pytest.mark.parametrize("number", CLAIMS)
def test_a_random_cell_of_a_claim_comes_out_again(number, tmp_path):
    """With the recipe that was chosen. Without TFDS_DATA_DIR, a cell on digits."""
    data = {"digits", *(("mnist", "cifar10") if "TFDS_DATA_DIR" in os.environ else ())}
    done = [(grid, record)
            for grid in CLAIMS[number].trial.grids
            for record in read_cells(grid.directory(BASE))
            if record["id"] in grid.cells() and record["dataset"]["name"] in data]  # yapf: disable
    if not done:
        pytest.skip("There are no results yet, or none on data that are here.")
    grid, record = random.choice(done)
    there, again = grid.directory(BASE), grid.directory(tmp_path / "paper")
    if (there / "recipes").exists():
        (again / "recipes").mkdir(parents=True)
        for path in (there / "recipes").iterdir():  # The victim, trained again, may be another.
            choice = {**unsealed(json.loads(path.read_bytes())), "victim": {}}
            (again / "recipes" / path.name).write_text(json.dumps(sealed(choice)))
        shutil.copy(there / "run.flags", again)
    cells = [cell.id for cell in grid.run(BASE).experiment.cells()]
    place = cells.index(record["id"])
    results = run_experiment(grid.run(tmp_path / "paper", f"--cells={place}"))
    row, = results.rows().to_dict("records")
    assert row["id"] == record["id"]
    assert abs(agreement(row) - record["metrics"]["agreement_clean"]) < TOLERANCE, record["id"]
