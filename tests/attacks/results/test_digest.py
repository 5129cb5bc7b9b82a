"""A digit that has changed in a record is noticed wherever the record is read."""
import json
import lzma
import re

import pytest

from attacks.grid.cell import Cell
from attacks.results.archive import NAME
from attacks.results.archive import write_archive
from attacks.results.choice_files import ChoiceFiles
from attacks.results.digest import sealed
from attacks.results.digest import unsealed
from attacks.results.records import read_cells
from attacks.results.records import RecordError
from tests.attacks.grid.test_config import experiment_config
from tests.attacks.report.made_up import record
from tests.attacks.results.test_store import extended
from tests.attacks.results.test_store import opened

RESULT = record(metrics={"agreement_clean": 0.1, "clone_kl_nats": 1e-7}, schema_version=3)
RESULT["dataset"]["name"] = "wörter"


def other_digits(text):
    """The text with each of its digits changed in turn, where it stays JSON."""
    for match in re.finditer(r"\d", text):
        changed = text[:match.start()] + str((int(match[0]) + 1) % 10) + text[match.end():]
        try:
            json.loads(changed)
        except ValueError:
            continue
        yield changed


@pytest.mark.parametrize("indent", [None, 1])
def test_a_changed_digit_is_noticed_in_every_place(indent):
    text = json.dumps(sealed(RESULT), indent=indent)
    assert unsealed(json.loads(text)) == RESULT
    changed = list(other_digits(text))
    assert len(changed) > 40
    for each in changed:
        with pytest.raises(ValueError, match="other values than those with the digest"):
            unsealed(json.loads(each))


@pytest.mark.parametrize("value", [(1, 2), {3: "a", 20: None}, -0.0, 1e300, 2**70, "\u2028 \\"])
def test_values_are_as_json_reads_them(value):
    text = json.dumps(sealed({"value": value}))
    assert unsealed(json.loads(text)) == json.loads(json.dumps({"value": value}))


def test_the_order_of_entries_and_spaces_do_not_matter():
    entries = sealed(RESULT)
    assert unsealed(dict(reversed(entries.items()))) == RESULT


def test_a_record_without_a_digest_is_read():
    assert unsealed(RESULT) == RESULT


def test_a_damaged_cell_is_named_in_its_file_and_in_the_archive(tmp_path):
    """Also by a run that goes on, whose cells are all there."""
    opened(tmp_path)
    path, = (tmp_path / "cells").iterdir()
    text = path.read_text()
    assert json.loads(text)["digest"] and "digest" not in read_cells(tmp_path)[0]
    path.write_text(text.replace('"queries_used": 10', '"queries_used": 11'))
    for read in (read_cells, extended):
        with pytest.raises(RecordError, match=f"{path.name} must be an undamaged .* the digest"):
            read(tmp_path)
    path.write_text(text)
    archive = write_archive(tmp_path)
    path.unlink()
    found, = read_cells(tmp_path)
    assert found["queries_used"] == 10 and found["cell"] == experiment_config().cells()[0].describe(
    )
    lines = lzma.decompress(archive.read_bytes())
    archive.write_bytes(lzma.compress(lines.replace(b'"queries_used":10', b'"queries_used":11')))
    with pytest.raises(RecordError, match=f"{NAME}, line 1, must be an undamaged .* the digest"):
        read_cells(tmp_path)


def test_a_damaged_choice_is_named(tmp_path):
    cell, files = Cell("none", "sample", "labels", 32, 1000), ChoiceFiles(tmp_path)
    with files.claim(cell):
        files.write(cell, {"chosen": 1, "candidates": []})
    path = tmp_path / "recipes" / f"{cell.id}.json"
    path.write_text(path.read_text().replace('"chosen": 1', '"chosen": 0'))
    with pytest.raises(ValueError, match=f"{path.name} must hold the choice of a recipe"):
        files.read(cell, [])
