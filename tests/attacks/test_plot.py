"""The program that makes tables and figure again."""
import pytest

from attacks import plot
from attacks.grid.judgement import Judgement
from attacks.report import Results
from attacks.report.columns.columns import dictionary
from tests.attacks.report.made_up import write_grid


def test_tables_and_figure_are_made_from_the_cells_alone(tmp_path, capsys):
    write_grid(tmp_path)
    plot.main(str(tmp_path))
    out = capsys.readouterr().out
    assert out.endswith(
        f"Written: summary.csv, comparisons.csv, agreement.png, report.html in {tmp_path}\n")
    assert (tmp_path / "agreement.png").stat().st_size > 0


def test_a_judged_directory_stays_judged(tmp_path):
    """The page would otherwise contradict the verdict beside it."""
    write_grid(tmp_path)
    bill = {"rows_sent": 549, "rows_sent_evaluation": 449, "rows_resent": 0}
    Results(tmp_path, Judgement(price_per_1000=2.0, fail_above=0.8), bill).write()
    names = ("verdict.json", "report.html")
    before = [(tmp_path / name).read_bytes() for name in names]
    plot.main(str(tmp_path))
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_columns_are_printed_without_a_directory(capsys):
    plot.main(columns=True)
    assert capsys.readouterr().out == dictionary() + "\n"


def test_a_directory_is_needed_otherwise():
    with pytest.raises(ValueError, match="results directory must be given"):
        plot.main()
