"""The program that writes a report again."""
import json

from absl import flags
import pytest

from attacks.grid.judgement import Judgement
from attacks.report import __main__ as program
from attacks.report import Results
from revsig_keras.cli.flags import define_flags
from tests.attacks.report.made_up import write_grid


def call(directory, *arguments):
    """Returns the exit status."""
    values = flags.FlagValues()
    define_flags(Judgement, values)
    values(["attacks.report", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        program.main(str(directory), values)
    return exit_info.value.code


@pytest.fixture
def grid(tmp_path):
    write_grid(tmp_path)
    return tmp_path


def test_without_a_limit_nothing_is_judged(grid, capsys):
    assert call(grid) == 0
    assert "report.html" in capsys.readouterr().out
    assert "Nothing is judged" in (grid / "report.html").read_text()
    assert not (grid / "verdict.json").exists()


@pytest.mark.parametrize("arguments, limit, price", [
    ([], 0.8, 2.0),
    (["--fail_above=.5"], 0.5, 2.0),
    (["--price_per_1000=0"], 0.8, 0.0),
])
def test_limit_price_and_bill_of_a_run_stay_unless_flags_say_otherwise(
        arguments, limit, price, grid):
    bill = {"rows_sent": 549, "rows_sent_evaluation": 449, "rows_resent": 0}
    Results(grid, Judgement(price_per_1000=2.0, fail_above=0.8), bill).write()
    assert call(grid, *arguments) == 3  # No run.flags tells which cells the grid has.
    verdict = json.loads((grid / "verdict.json").read_text())
    assert (verdict["fail_above"], verdict["price_per_1000"]) == (limit, price)
    assert verdict["bill"] == {**bill, "cost": 549 * price / 1000}
    assert "549 rows" in (grid / "report.html").read_text()


def test_the_page_has_the_flags_that_make_the_results_again(grid):
    assert "are unknown" in Results(grid).page()
    (grid / "run.flags").write_text("--dataset=digits\n--epsilon=0.125\n")
    assert "--epsilon=0.125" in Results(grid).page()


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_damaged_verdict_is_named(text, grid):
    (grid / "verdict.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match="verdict.json must be a verdict, or be removed"):
        call(grid)
