"""Reads results: the cells of a directory."""

import json
import os
import pathlib
from typing import Any

from attacks.evaluation.packed_rows import unpack
from attacks.evaluation.packed_rows import unpack_groups
from attacks.results.archive import ArchiveError
from attacks.results.archive import read_archive
from attacks.results.digest import unsealed
from attacks.results.record_values import faults

SCHEMA_VERSION = 3
_READABLE = (1, 2, SCHEMA_VERSION)

# The entries of a record, and those of its cell.
_ENTRIES = {
    "id": str,
    "cell": dict,
    "dataset": dict,
    "victim": dict,
    "hardware": dict,
    "queries_used": int,
    "metrics": dict,
    "clone": dict,
}
_CELL = {
    "defence": str,
    "attack": str,
    "adversary": str,
    "budget": int,
    "seed": int,
    "resolved": dict,
}
# What schema version 3 keeps for each test row; see `AgreementEvaluator.rows`.
_ROWS = {"count": int, "test_rows": str, "agreement": str}
# Schema version 1 called a defence's distortion noise.
_RENAMED_METRICS = {
    f"noise_{distance}": f"distortion_{distance}"
    for distance in ("kl_nats", "kl_bits", "kl_reverse_nats", "kl_reverse_bits", "l1")
}


class RecordError(ValueError):
    """A file among the results that holds no readable result."""


def read_cells(directory: str | os.PathLike) -> list[dict[str, Any]]:
    """Reads all results of a directory, in the order of the summary.

    Metrics of older schema versions get their present names; records of these versions have no
    `rows`. A file in `cells` takes precedence over the same cell in the archive, see
    `attacks.results.archive`. The digests of records are compared, and left out.

    Raises:
        RecordError: If a file holds no result of a readable version, or one that has changed since
            it was written.
    """
    try:
        archived = [_parse(name, data) for name, data in read_archive(directory)]
    except ArchiveError as error:
        raise RecordError(str(error)) from error
    paths = sorted(pathlib.Path(directory, "cells").glob("*.json"))
    records = {record["id"]: record for record in (*archived, *map(read_cell, paths))}
    return sorted(records.values(), key=_summary_order)


def read_cell(path: str | os.PathLike) -> dict[str, Any]:
    """Reads one result; see `read_cells`."""
    return _parse(path, pathlib.Path(path).read_bytes())


def _parse(path, data):
    try:
        record = json.loads(data)
    except ValueError as error:
        raise RecordError(f"{path} must be a result in JSON. Received: {error}") from error
    if not isinstance(record, dict):
        raise RecordError(f"{path} must be a result, a JSON object. Received: {record!r:.60}")
    version = record.get("schema_version")
    if version not in _READABLE:
        raise RecordError(f"{path} must be a result of schema_version "
                          f"{' or '.join(map(str, _READABLE))}. Received: {version!r}")
    try:
        record = unsealed(record)
    except ValueError as error:
        raise RecordError(f"{path} must be an undamaged result. Received: {error}") from None
    _check_entries(path, record, _ENTRIES)
    _check_entries(path, record["cell"], _CELL)
    if not isinstance(record.get("versions", {}), dict):
        raise RecordError(f"{path} must be a result whose 'versions' is of type dict. Received: "
                          f"{record['versions']!r:.60}")
    for fault in faults(record):
        raise RecordError(f"{path} must be an undamaged result. Received: {fault}")
    if "rows" in record:
        _check_rows(path, record["rows"])
    metrics = record["metrics"].items()
    return {
        **record, "metrics": {
            _RENAMED_METRICS.get(name, name): value for name, value in metrics
        }
    }


def _check_rows(path, rows):
    _check_entries(path, {"rows": rows}, {"rows": dict})
    _check_entries(path, rows, _ROWS)
    try:
        unpack(rows["agreement"], rows["count"])
        if "groups" in rows:
            unpack_groups(rows["groups"], rows["count"])
    except ValueError as error:
        raise RecordError(f"{path} must be a result with whole `rows`. {error}") from error


def _check_entries(path, entries, expected):
    for name, kind in expected.items():
        if name not in entries:
            raise RecordError(f"{path} must be a complete result. Received: one without {name!r}")
        if not isinstance(entries[name], kind):
            raise RecordError(f"{path} must be a result whose {name!r} is of type {kind.__name__}. "
                              f"Received: {entries[name]!r:.60}")


def _summary_order(record):
    cell = record["cell"]
    return (cell["defence"] != "none", cell["defence"], cell["attack"], cell["adversary"],
            cell["budget"], cell["seed"])
