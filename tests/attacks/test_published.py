"""The list of published attacks tells of every attack, adversary and preset, and of no other."""
import pathlib
import re

import pytest

from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.queries import jacobian
from attacks.queries import jacobian_targeted

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs" / "published_attacks.md"
HEADINGS = {"Queries": ATTACKS, "Adversaries": ADVERSARIES}
PRESETS = {"jacobian": jacobian.PRESETS, "jacobian_targeted": jacobian_targeted.PRESETS}


def listed(heading):
    """The members in the first column of a table."""
    _, _, section = DOCUMENT.read_text().partition(f"## {heading}\n")
    rows = re.findall(r"^\| (`.*?) \|", section.split("\n## ")[0], re.MULTILINE)
    return [member for row in rows for member in re.findall(r"`(.*?)`", row)]


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_member_has_a_row_and_every_row_can_be_made(heading):
    registry, members = HEADINGS[heading], listed(heading)
    assert {registry.resolve(member)[0] for member in members} == set(registry.names)
    assert len(set(members)) == len(members)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_row(name):
    rows = [member for member in listed("Queries") if member.startswith(f"{name}:")]
    assert sorted(rows) == sorted(f"{name}:preset={preset}" for preset in PRESETS[name])
