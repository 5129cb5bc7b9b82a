"""The tables in `results` are those that the present code makes of the cells beside them."""
import csv
import io
import pathlib

import pytest

from attacks.report.columns.columns import csv_text
from attacks.report.columns.columns import TABLES
from attacks.report.leak.bounded_leak import bounded_leaks
from attacks.report.leak.frontier import frontier
from attacks.report.rows.summary import summary_rows
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.per_row import PerRow
from attacks.results.records import read_cells

ROOT = pathlib.Path(__file__).parents[3]
DIRECTORIES = sorted(path.parent for path in ROOT.glob("results/**/summary.csv"))


def tables_of(directory):
    """The rows of all tables, by the name of the file."""
    records = read_cells(directory)
    rows, per_row = summary_rows(records), PerRow(records)
    return {
        "summary.csv": rows,
        "comparisons.csv": compare(rows, per_row),
        "bounded_leak.csv": [leak.describe() for leak in bounded_leaks(rows, per_row)],
        "frontier.csv": frontier(rows),
    }


def is_same(text, other):
    """Whether two entries are equal, numbers to rounding."""
    try:
        return float(text) == pytest.approx(float(other), rel=1e-9, abs=1e-12)
    except ValueError:
        return text == other


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_the_cells_make_the_published_tables(directory):
    """A table that is older than a column lacks it."""
    for name, rows in tables_of(directory).items():
        path = directory / name
        if not path.exists():
            continue
        there = list(csv.DictReader(io.StringIO(path.read_text())))
        made = list(csv.DictReader(io.StringIO(csv_text(TABLES[name], rows))))
        assert len(there) == len(made)
        for old, new in zip(there, made):
            different = {
                column: (text, new[column])
                for column, text in old.items()
                if not is_same(text, new[column])
            }
            assert not different, (name, different)
