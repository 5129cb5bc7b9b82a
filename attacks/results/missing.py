"""Which cells of a directory's experiment have no result yet."""

from collections.abc import Iterable, Mapping
import os
from typing import Any

from attacks.grid.cell import Cell
from attacks.results.replay_file import ReplayFile


def missing_cells(directory: str | os.PathLike,
                  records: Iterable[Mapping[str, Any]]) -> list[Cell] | None:
    """The cells of the grid in `run.flags` that mean something and are not among the records.

    Args:
        directory: The output directory of a run.
        records: Its results, as `attacks.results.records.read_cells` gives them.

    Returns:
        The cells in their order, or `None` where there is no `run.flags`, or one with members
        that are unknown here.
    """
    replay, records = ReplayFile(directory), list(records)
    try:
        cells = replay.read().cells() if replay.exists() else None
    except ValueError:
        return None
    done = {record["id"] for record in records}
    labels_only = {record["victim"].get("answers") for record in records} == {"labels"}
    return cells and [cell for cell in cells if cell.id not in done and not cell.unfit(labels_only)]
