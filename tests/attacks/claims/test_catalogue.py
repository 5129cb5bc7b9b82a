"""Every claim has its file, its runs and its plan."""
import pathlib
import re
import shlex

import pytest

from attacks import flags
from attacks.claims.catalogue import CLAIMS
from attacks.claims.catalogue import ORDER
from attacks.grid.execution import ExecutionConfig

ROOT = pathlib.Path(__file__).parents[3]
FILES = sorted((ROOT / "attacks" / "claims").glob("claim_*.py"))
TRIALS = [trial for claim in CLAIMS.values() for trial in (claim.trial, claim.quick)]
RUNS = {grid.name: grid for trial in TRIALS for grid in trial.grids}
MOST_HOURS = 16
MOST_QUICK_SECONDS = 300


def test_every_claim_has_a_file_and_every_file_is_a_claim():
    assert [int(re.findall(r"claim_(\d+)_", path.name)[0]) for path in FILES] == list(CLAIMS)
    assert list(CLAIMS) == sorted(CLAIMS) == sorted(ORDER)
    for path in FILES:
        assert len(path.read_text().splitlines()) < 90, path


@pytest.mark.parametrize("number", CLAIMS)
def test_a_claim_says_what_the_paper_says_and_by_which_criterion(number):
    claim = CLAIMS[number]
    for text in (claim.title, claim.source, claim.reported, claim.trial.criterion,
                 claim.quick.criterion):
        assert len(text) > 5
        assert text.endswith(".") != (text == claim.title), text


@pytest.mark.parametrize("name", RUNS)
def test_every_run_has_a_flagfile_with_cells_in_a_directory_of_its_name(name):
    grid = RUNS[name]
    config = flags.parse(f"--flagfile={ROOT / grid.flagfile}")
    place = "runs" if grid.is_general else "runs/paper"
    assert config.execution.output_dir == f"{place}/{grid.base or name}"
    assert grid.run(pathlib.Path("runs", "paper")).execution == ExecutionConfig(f"{place}/{name}")
    assert 0 < len(grid.cells()) <= len(config.experiment)
    assert grid.cpu_seconds > 0


@pytest.mark.parametrize("name", RUNS)
def test_the_command_for_a_gpu_can_be_read(name):
    python, dash, program, *arguments = shlex.split(RUNS[name].full_command())
    assert (python, dash, program) == ("python", "-m", "attacks.run")
    assert len(flags.parse(*arguments).experiment) >= len(RUNS[name].cells())


def test_every_run_has_a_name_of_its_own():
    assert len({grid for trial in TRIALS for grid in trial.grids}) == len(RUNS)


def test_every_flagfile_belongs_to_a_claim():
    names = {path.stem for path in (ROOT / "attacks" / "configs" / "paper").iterdir()}
    assert names == {grid.base or grid.name for grid in RUNS.values() if not grid.is_general}


def test_all_claims_together_are_planned_to_take_sixteen_hours_at_most():
    runs = {grid for claim in CLAIMS.values() for grid in claim.trial.grids}
    assert sum(grid.planned_hours() for grid in runs) <= MOST_HOURS


@pytest.mark.parametrize("number", CLAIMS)
def test_a_claim_is_tried_quickly_in_five_minutes_at_most(number):
    seconds = 3600 * sum(grid.planned_hours() for grid in CLAIMS[number].quick.grids)
    assert seconds < MOST_QUICK_SECONDS
