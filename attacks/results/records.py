"""Reads results: the cells of a directory."""

import json
import os
import pathlib
from typing import Any

SCHEMA_VERSION = 1

_ENTRIES = ("id", "cell", "dataset", "victim", "hardware", "queries_used", "metrics", "clone")


def read_cells(directory: str | os.PathLike) -> list[dict[str, Any]]:
    """All results of a directory, in the order of the summary.

    Raises:
        ValueError: If there are none, or one cannot be read.
    """
    records = []
    for path in sorted(pathlib.Path(directory, "cells").glob("*.json")):
        try:
            record = json.loads(path.read_text())
            version = record["schema_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no result of a cell: {error!r}") from error
        missing = [entry for entry in _ENTRIES if entry not in record]
        if version != SCHEMA_VERSION or missing:
            raise ValueError(
                f"{path} must be a result of schema_version {SCHEMA_VERSION}, complete. Received: "
                f"schema_version {version!r}, without {', '.join(missing) or 'a gap'}")
        records.append(record)
    return sorted(records, key=_order)


def _order(record):
    cell = record["cell"]
    return (cell["defence"] != "none", cell["defence"], cell["attack"], cell["adversary"],
            cell["budget"], cell["seed"])
