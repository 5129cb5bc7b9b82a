"""Recipes that were chosen once for many cells: a file for each choice."""

from collections.abc import Iterator, Sequence
import contextlib
import json
import pathlib
from typing import Any

from attacks.clone.recipe import Recipe
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

    def read(self, cell: Cell, recipes: Sequence[Recipe]) -> dict[str, Any] | None:
        """The choice that was made on a cell, or `None`.

        Args:
            cell: The cell.
            recipes: The candidates.

        Raises:
            ValueError: If its file holds none, or one among other candidates.
        """
        path = self._path(cell)
        if not path.exists():
            return None
        record = _read(path)
        there = [tried["recipe"] for tried in record["candidates"]]
        now = json.loads(json.dumps([recipe.describe() for recipe in recipes]))
        if there != now:
            raise ValueError(f"`recipes` must be those of {path}, where they are {there}. "
                             f"Received: {now}. Name another directory")
        return record

    def read_all(self) -> list[dict[str, Any]]:
        """All choices.

        Raises:
            ValueError: If a file holds none.
        """
        return [_read(path) for path in sorted(self._directory.glob("*.json"))]

    @contextlib.contextmanager
    def claim(self, cell: Cell) -> Iterator[bool]:
        """Waits until no other run makes the choice; whether it is still to be made."""
        self._directory.mkdir(exist_ok=True)
        with lock(self._directory / f".{cell.id}.lock", wait=True):
            yield not self._path(cell).exists()

    def write(self, cell: Cell, record: dict[str, Any]) -> None:
        """Keeps a choice."""
        record = {"schema_version": SCHEMA_VERSION, "id": cell.id, **record}
        text = json.dumps(sealed(record), indent=1) + "\n"
        write_atomically(self._path(cell), text, overwrite=False)

    def _path(self, cell):
        return self._directory / f"{cell.id}.json"


def _read(path):
    try:
        record = unsealed(json.loads(path.read_bytes()))
        if (record["schema_version"] == SCHEMA_VERSION and isinstance(record["chosen"], int) and
                all(isinstance(tried["recipe"], dict) for tried in record["candidates"])):
            return record
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ValueError(f"{path} must hold the choice of a recipe. Received: something else")
