"""One spelling for each member of the results, and one member for each spelling."""

from collections.abc import Iterable, Mapping
from typing import Any


def spellings(cells: Iterable[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """Chooses how the members of some cells are written.

    A member that is spelled in several ways gets the first spelling. A spelling that means several
    members, as where a default has changed between two runs, gets the options in which they differ.

    >>> def cell(prior):
    ...     return {"adversary": "bayes", "resolved": {"adversary": {"prior": prior}}}
    >>> list(spellings([cell("clone"), cell("dirichlet")], "adversary").values())
    ['bayes:prior=clone', 'bayes:prior=dirichlet']

    Args:
        cells: The cells of records: members as written and, under `resolved`, with all options.
        kind: `"defence"`, `"attack"` or `"adversary"`.

    Returns:
        Dict from `repr` of a member with all options to its spelling.
    """
    chosen: dict[str, str] = {}
    meanings: dict[str, dict[str, Mapping[str, Any]]] = {}
    for cell in cells:
        resolved = cell["resolved"][kind]
        written = chosen.setdefault(repr(resolved), cell[kind])
        meanings.setdefault(written, {})[repr(resolved)] = resolved
    for written, members in meanings.items():
        for key, resolved in members.items():
            chosen[key] = written + _differences(resolved, list(members.values()))
    return chosen


def _differences(resolved, members):
    """The options that another member lacks or sets differently, in the syntax of members."""
    differing = {
        option: value for option, value in resolved.items() if any(
            other.get(option) != value for other in members)
    }
    return "".join(f":{option}={str(value).lower() if isinstance(value, bool) else value}"
                   for option, value in differing.items())
