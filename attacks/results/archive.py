"""All cells of a directory in one compressed file, where thousands of small files are too many.

A repository can hold `cells.jsonl.xz` instead of `cells/`: a line of JSON for each cell. Results
are read and resumed from either. Cells have much in common, so it takes a hundredth of their size.
"""

from collections.abc import Iterator
import json
import lzma
import os
import pathlib

from models.processes.files import write_atomically

NAME = "cells.jsonl.xz"


class ArchiveError(ValueError):
    """An archive that cannot be read."""


def read_archive(directory: str | os.PathLike) -> Iterator[tuple[str, bytes]]:
    """The cells in the archive of a directory; none where it has no archive.

    Returns:
        Pairs of a name, for messages, and the JSON of a cell.

    Raises:
        ArchiveError: If the file is no archive, or is cut short.
    """
    path = pathlib.Path(directory, NAME)
    if not path.exists():
        return
    try:
        lines = lzma.decompress(path.read_bytes()).splitlines()
    except (lzma.LZMAError, EOFError) as error:
        raise ArchiveError(f"{path} must be an archive of results. Received: {error}") from error
    for number, line in enumerate(lines, 1):
        yield f"{path}, line {number},", line


def archived_ids(directory: str | os.PathLike) -> set[str]:
    """The ids of the cells in the archive of a directory."""
    return set(_records(directory))


def write_archive(directory: str | os.PathLike) -> pathlib.Path:
    """Writes the archive of all cells in a directory; the files in `cells` stay.

    A cell that is in `cells` and in an earlier archive is taken from `cells`.

    Returns:
        The archive. Equal cells give equal bytes.
    """
    cells = _records(directory)
    for file in pathlib.Path(directory, "cells").glob("*.json"):
        cells[file.stem] = json.loads(file.read_bytes())
    lines = (json.dumps(cells[name], separators=(",", ":")) + "\n" for name in sorted(cells))
    path = pathlib.Path(directory, NAME)
    write_atomically(path, lzma.compress("".join(lines).encode(), preset=9))
    return path


def _records(directory):
    """The records in the archive of a directory, by id."""
    records = {}
    for name, data in read_archive(directory):
        try:
            record = json.loads(data)
            records[record["id"]] = record
        except (ValueError, TypeError, KeyError) as error:
            raise ArchiveError(f"{name} must be a result. Received: {data!r:.60}") from error
    return records
