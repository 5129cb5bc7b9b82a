"""Tables of cases: the quick tests try some, one of each kind, and the slow ones the rest."""
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest


def some_quick(table: Mapping[str, Any] | Iterable, quick: Collection) -> list:
    """The parameters of a test: all cases of a table, of which those not in `quick` are slow.

    Args:
      table: The cases, or by their names the cases, where a tuple is one of several arguments.
      quick: The cases that are tried in any case, or their names.
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
