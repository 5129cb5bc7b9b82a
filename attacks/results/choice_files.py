"""Recipes that were chosen once for many cells: a file for each choice."""

from collections.abc import Iterator
import contextlib
import json
import pathlib
from typing import Any

from attacks.grid.cell import Cell
from attacks.results.digest import sealed
from attacks.results.digest import unsealed
from models.processes.files import write_atomically
from models.processes.locks import lock

SCHEMA_VERSION = 1


class ChoiceFiles:
    """The directory `recipes` of an output directory.

    Args:
        directory: The output directory.
    """

    def __init__(self, directory: pathlib.Path):
        self._directory = directory / "recipes"

    def read(self, cell: Cell) -> dict[str, Any] | None:
        """The choice that was made on a cell, or `None`.

        Raises:
            ValueError: If its file holds none.
        """
        path = self._path(cell)
        if not path.exists():
            return None
        try:
            record = unsealed(json.loads(path.read_bytes()))
            if record["schema_version"] == SCHEMA_VERSION and isinstance(record["chosen"], int):
                return record
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        raise ValueError(f"{path} must hold the choice of a recipe. Received: something else")

    @contextlib.contextmanager
    def claim(self, cell: Cell) -> Iterator[bool]:
        """Waits until no other run makes the choice; whether it is still to be made."""
        self._directory.mkdir(exist_ok=True)
        with lock(self._directory / f".{cell.id}.lock", wait=True):
            yield self.read(cell) is None

    def write(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keeps a choice."""
        record = {"schema_version": SCHEMA_VERSION, "id": cell.id, **record}
        text = json.dumps(sealed(record), indent=1) + "\n"
        write_atomically(self._path(cell), text, overwrite=False)

    def _path(self, cell):
        return self._directory / f"{cell.id}.json"
