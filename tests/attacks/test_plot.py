"""The program that makes tables and figure again."""
import pytest

from attacks import plot
from attacks.report.columns.columns import dictionary
from tests.attacks.report.made_up import write_grid


def test_tables_and_figure_are_made_from_the_cells_alone(tmp_path, capsys):
    write_grid(tmp_path)
    plot.main(str(tmp_path))
    out = capsys.readouterr().out
    assert out.endswith(
        f"Written: summary.csv, comparisons.csv, agreement.png, report.html in {tmp_path}\n")
    assert (tmp_path / "agreement.png").stat().st_size > 0


def test_columns_are_printed_without_a_directory(capsys):
    plot.main(columns=True)
    assert capsys.readouterr().out == dictionary() + "\n"


def test_a_directory_is_needed_otherwise():
    with pytest.raises(ValueError, match="results directory must be given"):
        plot.main()
