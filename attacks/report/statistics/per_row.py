"""The test rows on which each clone agrees, where the records have them."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from attacks.evaluation.packed_rows import unpack
from attacks.evaluation.packed_rows import unpack_groups


class PerRow:
    """The agreement of cells by test row.

    Args:
        records: Results, as `attacks.results.records.read_cells` gives them. Schema
            versions before 3 do not have it. Defaults to none.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]] = ()):
        self._kept = {record["id"]: record["rows"] for record in records if "rows" in record}

    def of(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """The agreement of cells on the test rows that all of them share.

        Args:
            rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.

        Returns:
            Booleans `[cells, test rows]`, or `None` where a cell's are unknown or of other rows.
        """
        kept = [self._kept.get(row["id"]) for row in rows]
        if None in kept or len({entry["test_rows"] for entry in kept}) != 1:
            return None
        return np.stack([unpack(entry["agreement"], entry["count"]) for entry in kept])

    def groups_of(self, rows: list[dict[str, Any]]) -> np.ndarray | None:
        """The numbers, from 0 up, of the groups of test rows that are drawn together.

        Args:
            rows: Rows whose cells share their test rows; see `of`.

        Returns:
            Whole numbers `[test rows]`, or `None` where each row is drawn alone.
        """
        kept = (self._kept[row["id"]] for row in rows)
        told = next((entry for entry in kept if "groups" in entry), None)
        return told and unpack_groups(told["groups"], told["count"])

    def are_of_other_rows(self, rows: list[dict[str, Any]]) -> bool:
        """Whether the cells of each split are known to have test rows of their own."""
        digests: dict[Any, set] = {}
        for row in rows:
            digests.setdefault(row["split_seed"],
                               set()).add(self._kept.get(row["id"], {}).get("test_rows"))
        single = [next(iter(found)) for found in digests.values() if len(found) == 1]
        return len(digests) == len(set(single) - {None}) > 1
