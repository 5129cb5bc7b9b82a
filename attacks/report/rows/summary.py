"""The rows of `summary.csv`: the results of cells, flat."""

from typing import Any

from attacks.report.columns.columns import SUMMARY
from attacks.report.rows.spelling import spellings
from attacks.report.rows.strongest import rows_of_strongest

_MEMBERS = ("defence", "attack", "adversary")
# Dimensions that a cell has only where its grid varies them, and where the run has them otherwise.
_DIMENSIONS = {
    "victim_seed": (("cell", "victim_seed"), ("victim", "config", "seed")),
    "split_seed": (("cell", "split_seed"), ("config", "split_seed"), ("victim", "split_seed")),
    "clone_architecture": (("cell", "clone_architecture"), ("config", "clone", "architecture")),
}


def summary_rows(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results as flat rows of the columns `SUMMARY`.

    Each member has one spelling, see `attacks.report.rows.spelling`. What an older record does not
    tell is None.

    Args:
        records: Results, as `attacks.results.records.read_cells` gives them.
    """
    cells = [record["cell"] for record in records]
    members = {kind: spellings(cells, kind) for kind in _MEMBERS}
    rows = [_row(record, members) for record in records]
    chosen = {row["id"] for row in rows_of_strongest(rows)}
    return [{**row, "is_strongest": row["id"] in chosen} for row in rows]


def _row(record, members):
    row = {column.name: _value(record, column.path) for column in SUMMARY}
    for kind, spelled in members.items():
        row[kind] = spelled[repr(record["cell"]["resolved"][kind])]
    row["evaluated_rows"] = _value(record, ("victim", "evaluated_rows"))
    if row["evaluated_rows"] is None:
        row["evaluated_rows"] = _value(record, ("dataset", "rows", "test"))
    gpus = _value(record, ("hardware", "gpus"))
    row["gpus"] = None if gpus is None else "; ".join(gpus)
    row["onednn"] = _value(record, ("hardware", "onednn")) or "default"
    row["recipe"] = _chosen_recipe(record)
    for name, paths in _DIMENSIONS.items():
        row[name] = next(filter(_is_known, (_value(record, path) for path in paths)), None)
    return row


def _chosen_recipe(record):
    """The text of the recipe that was chosen of several, else None."""
    texts = _value(record, ("config", "recipes")) or ()
    tried = _value(record, ("clone", "candidates")) or ()
    return next((text for text, candidate in zip(texts, tried) if candidate["is_chosen"]), None)


def _is_known(value):
    return value is not None


def _value(record, path):
    """The entry of a record at a path, None where it or the path is missing."""
    if not path:
        return None
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record
