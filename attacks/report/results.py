"""The results of a run: rows, comparison, verdict, figure and text."""

from collections.abc import Sequence
import functools
import json
import os
import pathlib
from typing import Any

import matplotlib.figure

from attacks.grid.judgement import Judgement
from attacks.report.columns.columns import COMPARISONS
from attacks.report.columns.columns import csv_text
from attacks.report.columns.columns import SUMMARY
from attacks.report.columns.leak_columns import BOUNDED_LEAK
from attacks.report.comparison_table import comparison_table
from attacks.report.figure import draw
from attacks.report.figure import encoded
from attacks.report.leak.bounded_leak import bounded_leaks
from attacks.report.leak.bounded_leak_table import bounded_leak_table
from attacks.report.leak.frontier import frontier
from attacks.report.page.page import Findings
from attacks.report.page.page import render
from attacks.report.rows.mixtures import mixture_sentences
from attacks.report.rows.summary import summary_rows
from attacks.report.sentences import closing_sentences
from attacks.report.statistics.comparison import compare
from attacks.report.statistics.per_row import PerRow
from attacks.report.table import agreement_table
from attacks.report.verdict.verdict import Evidence
from attacks.report.verdict.verdict import judge
from attacks.results import archive
from attacks.results.missing import missing_cells
from attacks.results.records import read_cells
from attacks.results.replay_file import NAME
from models.processes.files import write_atomically


class Results:
    """The results in the output directory of a run, as they are when this object is made.

    Args:
        directory: The output directory.
        judgement: The price and the limit of the verdict. Defaults to neither.
        bill: The rows that the run has sent to an endpoint. Defaults to none.

    Example:

    >>> results = Results("results/mnist_sample")
    >>> results.rows().groupby(["defence", "adversary", "budget"]).agreement_clean.mean()
    >>> results.verdict()["sentence"]

    Raises:
        RecordError: If a file among the cells holds no result.
    """

    def __init__(self,
                 directory: str | os.PathLike,
                 judgement: Judgement | None = None,
                 bill: dict[str, int] | None = None):
        self.directory = pathlib.Path(directory)
        self._judgement, self._bill = judgement, bill
        self._records = read_cells(directory)
        self._missing = missing_cells(directory, self._records)
        self._per_row = PerRow(self._records)

    def __len__(self) -> int:
        """Number of cells."""
        return len(self._records)

    def rows(self) -> Any:
        """A row for each cell, of the columns of `summary.csv`.

        Returns:
            A pandas `DataFrame` where pandas is installed, else a list of dicts.
        """
        return _tidy(self._rows)

    def comparison(self) -> Any:
        """A row for each defence, thief and budget, of the columns of `comparisons.csv`.

        Returns:
            A pandas `DataFrame` where pandas is installed, else a list of dicts.
        """
        return _tidy(self._comparison)

    def bounded_leak(self) -> Any:
        """A row for each coded defence and budget, of the columns of `bounded_leak.csv`.

        Returns:
            A pandas `DataFrame` where pandas is installed, else a list of dicts.
        """
        return _tidy([leak.describe() for leak in self._leaks])

    def frontier(self) -> Any:
        """A row for each defence and budget, of the columns of `frontier.csv`.

        Returns:
            A pandas `DataFrame` where pandas is installed, else a list of dicts.
        """
        return _tidy(frontier(self._rows))

    def verdict(self) -> dict[str, Any]:
        """What `verdict.json` holds: the findings, the price, whether they pass, a sentence.

        Nothing passes or fails until every cell of the grid in `run.flags` is there.
        """
        return dict(self._verdict)

    def figure(self) -> matplotlib.figure.Figure:
        """Agreement over queries."""
        return draw(self._rows)

    def page(self) -> str:
        """The report as a page of HTML, for the person who must decide and did not run it."""
        times = sorted(filter(None, (record.get("finished_at") for record in self._records)))
        path = self.directory / NAME
        return render(
            Findings(self._rows,
                     self._per_row,
                     self._verdict,
                     finished=(times[0], times[-1]) if times else None,
                     replay=path.read_text(encoding="utf-8") if path.exists() else ""))

    def text(self) -> str:
        """The table of agreements, the comparison, closing sentences, and what is missing.

        Where a defence is coded, also what is measured of the claim on its leak.
        """
        count = len(self._missing or ())
        gap = f"The grid is incomplete: {count} cell{'s are' if count > 1 else ' is'} missing."
        parts = (agreement_table(self._rows), comparison_table(self._comparison),
                 bounded_leak_table(self._leaks), closing_sentences(self._rows, self._per_row),
                 mixture_sentences(self._rows), gap if count else "")
        return "\n\n".join(filter(None, parts))

    def write(self, formats: Sequence[str] = ("png",)) -> list[pathlib.Path]:
        """Writes tables, figure and page into the directory, and with a judgement `verdict.json`.

        Args:
            formats: Of the figure, of `attacks.report.figure.FORMATS`. Defaults to PNG.

        Returns:
            The files.
        """
        figure = self.figure()
        contents: dict[str, str | bytes] = {
            "summary.csv": csv_text(SUMMARY, self._rows),
            "comparisons.csv": csv_text(COMPARISONS, self._comparison),
            **{
                f"agreement.{kind}": encoded(figure, kind) for kind in formats
            },
            "report.html": self.page(),
        }
        if self._leaks:
            leaks = [leak.describe() for leak in self._leaks]
            contents["bounded_leak.csv"] = csv_text(BOUNDED_LEAK, leaks)
        if self._judgement is not None:
            contents["verdict.json"] = json.dumps(self._verdict, indent=1, allow_nan=False) + "\n"
        for name, data in contents.items():
            write_atomically(self.directory / name, data, overwrite=True)
        return [self.directory / name for name in contents]

    @functools.cached_property
    def _rows(self):
        if not self._records:
            raise ValueError(f"`directory` must hold results, cells/*.json or {archive.NAME}. "
                             f"Received: {self.directory}")
        return summary_rows(self._records)

    @functools.cached_property
    def _comparison(self):
        return compare(self._rows, self._per_row)

    @functools.cached_property
    def _leaks(self):
        return bounded_leaks(self._rows, self._per_row, is_complete=self._missing == [])

    @functools.cached_property
    def _verdict(self):
        missing = None if self._missing is None else tuple(map(str, self._missing))
        evidence = Evidence(self._rows, self._per_row, missing, self._bill)
        return judge(evidence, self._judgement or Judgement())


def _tidy(rows):
    try:
        import pandas as pd
    except ImportError:
        return [dict(row) for row in rows]
    return pd.DataFrame(rows)
