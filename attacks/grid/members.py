"""The members of a grid's dimensions: what tells them apart, and how two grids become one."""

from collections.abc import Callable, Iterable
from typing import Any

from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defences import resolve_defence
from models.architectures import ARCHITECTURES

# The options that list members, and what tells one member from another.
GRID: dict[str, Callable[[Any], Any]] = {
    "defences": resolve_defence,
    "attacks": ATTACKS.resolve,
    "adversaries": ADVERSARIES.resolve,
    "budgets": int,
    "clone_architectures": ARCHITECTURES.resolve,
}
# The options that list seeds; see `attacks.grid.replicates`.
SEEDS = ("split_seeds", "victim_seeds", "seeds")
# Options without members: the grid has the one value that another option names.
OPTIONAL = ("clone_architectures", "split_seeds", "victim_seeds")


def union(first: Iterable, second: Iterable, resolve: Callable = lambda member: member) -> tuple:
    """The members of both, each once, in the order and the spelling of their first occurrence."""
    members: dict[str, Any] = {}
    for member in (*first, *second):
        members.setdefault(repr(resolve(member)), member)
    return tuple(members.values())


def refuse_twins(name: str, members: Iterable, resolve: Callable) -> None:
    """Raises `ValueError` if a member is there twice, in whatever spelling."""
    seen: dict[str, Any] = {}
    for member in members:
        key = repr(resolve(member))
        if key in seen:
            raise ValueError(f"`{name}` must not contain a member twice. "
                             f"Received: {seen[key]} and {member}")
        seen[key] = member
