"""Tables of cases: the quick tests try some, one of each kind, and the slow ones the rest."""
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest


def some_quick(table: Mapping[str, Any] | Iterable, quick: Collection) -> list:
    """Returns every case of a table as a parameter of a test, and marks the others as slow.

    Args:
        table: The cases, or a dictionary of them by name. A tuple holds several arguments.
        quick: The cases, or the names of the cases, that are not slow.
    """
    cases = table if isinstance(table, Mapping) else {case: case for case in table}
    missing = set(quick) - set(cases)
    assert not missing, f"not in the table: {missing}"
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)),
                     id=name if isinstance(table, Mapping) else None,
                     marks=() if name in quick else pytest.mark.slow)
        for name, case in cases.items()
    ]
