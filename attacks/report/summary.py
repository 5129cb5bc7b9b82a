"""The rows of `summary.csv`: the results of cells, flat."""

from typing import Any

from attacks.report.columns import SUMMARY
from attacks.report.strongest import rows_of_strongest

_MEMBERS = ("defence", "attack", "adversary")
# Dimensions that a cell has only where its grid varies them, and where the run has them otherwise.
_DIMENSIONS = {
    "victim_seed": (("cell", "victim_seed"), ("victim", "config", "seed")),
    "split_seed": (("cell", "split_seed"), ("config", "split_seed"), ("victim", "split_seed")),
    "clone_architecture": (("cell", "clone_architecture"), ("config", "clone", "architecture")),
}


def summary_rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results as flat rows of the columns `SUMMARY`.

    A member that is spelled in several ways gets the first spelling, so that it is one member.
    What an older record does not tell is None.

    Args:
        records: Results, as `attacks.results.records.read_cells` gives them.
    """
    spellings: dict[tuple, str] = {}
    rows = [_row(record, spellings) for record in records]
    chosen = {row["id"] for row in rows_of_strongest(rows)}
    return [{**row, "is_strongest": row["id"] in chosen} for row in rows]


def _row(record, spellings):
    row = {column.name: _value(record, column.path) for column in SUMMARY}
    cell = record["cell"]
    for kind in _MEMBERS:
        meaning = (kind, repr(cell["resolved"][kind]))
        row[kind] = spellings.setdefault(meaning, cell[kind])
    row["evaluated_rows"] = _value(record, ("victim", "evaluated_rows"))
    if row["evaluated_rows"] is None:
        row["evaluated_rows"] = _value(record, ("dataset", "rows", "test"))
    gpus = _value(record, ("hardware", "gpus"))
    row["gpus"] = None if gpus is None else "; ".join(gpus)
    row["onednn"] = _value(record, ("hardware", "onednn")) or "default"
    for name, paths in _DIMENSIONS.items():
        row[name] = next(filter(_is_known, (_value(record, path) for path in paths)), None)
    return row


def _is_known(value):
    return value is not None


def _value(record, path):
    """The entry of a record at a path, None where it or the path is missing."""
    if not path:
        return None
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record
