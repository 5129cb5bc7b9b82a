"""Draws what defences cost honest users against what they leave the strongest thief.

  python -m attacks.frontier DIR [DIR]...

Prints the table, and writes frontier.csv and frontier.png into the first directory. The others hold
further defences of the same data set. Each is compared with the undefended victim and the
labels-only thief of its own directory; where several directories have a defence and budget, the one
with the most replicates counts.
"""

import pathlib

from attacks.report.columns.columns import csv_text
from attacks.report.columns.leak_columns import FRONTIER
from attacks.report.figure import encoded
from attacks.report.leak.frontier import frontier
from attacks.report.leak.frontier import merged
from attacks.report.leak.frontier_figure import draw_frontier
from attacks.report.leak.frontier_table import frontier_table
from attacks.report.rows.summary import summary_rows
from attacks.results.records import read_cells
from models.processes.files import write_atomically
from revsig_keras.cli import program


def main(directory: str, *others: str):
    rows, first = merged(map(_table, (directory, *others))), pathlib.Path(directory)
    contents = {
        "frontier.csv": csv_text(FRONTIER, rows),
        "frontier.png": encoded(draw_frontier(rows), "png")
    }
    for name, data in contents.items():
        write_atomically(first / name, data, overwrite=True)
    print(frontier_table(rows), f"Written: {', '.join(contents)} in {first}", sep="\n\n")


def _table(directory):
    rows = frontier(summary_rows(read_cells(directory)))
    if not rows:
        raise ValueError("Each directory must have results of an undefended thief that reads "
                         f"labels alone. Received: {directory}")
    return rows


if __name__ == "__main__":
    program.run(main, "DIR", "[DIR...]")
