"""The reader of results: complete records of a known version, or an error that names the file."""
import json
import re

import numpy as np
import pytest

from attacks.evaluation.packed_rows import pack_groups
from attacks.results.records import read_cells
from attacks.results.records import RecordError
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import write_cell


def test_a_directory_without_cells_has_no_results(tmp_path):
    assert read_cells(tmp_path) == []


@pytest.mark.parametrize("data", [
    b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe{}", b'{"schema_version": 1}',
    b'{"schema_version": 99}', b'{"schema_version": [1]}'
])  # yapf: disable
def test_a_broken_result_is_named(tmp_path, data):
    write_cell(tmp_path, record())
    (tmp_path / "cells" / "broken.json").write_bytes(data)
    with pytest.raises(RecordError, match="broken.json"):
        read_cells(tmp_path)


@pytest.mark.parametrize(
    "entry", ["id", "cell", "dataset", "victim", "hardware", "queries_used", "metrics", "clone"])
@pytest.mark.parametrize("change", [lambda result, entry: result.pop(entry),
                                    lambda result, entry: result.update({entry: None})],
                         ids=["missing", "null"])  # yapf: disable
def test_an_incomplete_result_is_refused(tmp_path, entry, change):
    result = record()
    path = write_cell(tmp_path, result)
    change(result, entry)
    path.write_text(json.dumps(result))
    with pytest.raises(RecordError, match=f"{path.name} must be .*{entry!r}"):
        read_cells(tmp_path)


@pytest.mark.parametrize("entry", ["defence", "attack", "adversary", "budget", "seed", "resolved"])
def test_an_incomplete_cell_is_refused(tmp_path, entry):
    result = record()
    result["cell"][entry] = None
    path = write_cell(tmp_path, result)
    with pytest.raises(RecordError, match=f"{path.name} must be .*{entry!r}"):
        read_cells(tmp_path)


PACKED = {"count": 9, "test_rows": "d", "agreement": "/4A="}


@pytest.mark.parametrize("rows, is_whole", [
    (PACKED, True),
    (None, False),
    ([], False),
    ({**PACKED, "count": 17}, False),
    ({**PACKED, "count": 8}, False),
    ({**PACKED, "agreement": "/4A"}, False),
    ({**PACKED, "agreement": "?"}, False),
    ({**PACKED, "test_rows": None}, False),
    ({**PACKED, "groups": pack_groups(np.arange(9) // 2)}, True),
    ({**PACKED, "groups": pack_groups(np.arange(8) // 2)}, False),
    ({**PACKED, "groups": 7}, False),
])  # yapf: disable
def test_what_is_kept_of_each_row_is_whole_or_refused(tmp_path, rows, is_whole):
    path = write_cell(tmp_path, record(schema_version=3, rows=rows))
    if is_whole:
        assert read_cells(tmp_path)[0]["rows"] == rows
    else:
        with pytest.raises(RecordError, match=f"{path.name} must be "):
            read_cells(tmp_path)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_records_without_rows_stay_readable(tmp_path, version):
    write_cell(tmp_path, record(schema_version=version))
    assert "rows" not in read_cells(tmp_path)[0]


def test_the_first_version_called_distortion_noise(tmp_path):
    metrics = {"noise_l1": 0.5, "noise_kl_nats": None, "transferability_noise": 0.1}
    write_cell(tmp_path, record(schema_version=1, metrics=metrics))
    result, = read_cells(tmp_path)
    assert result["metrics"] == {
        "distortion_l1": 0.5,
        "distortion_kl_nats": None,
        "transferability_noise": 0.1,
    }


def test_results_are_ordered_by_what_they_are_of(tmp_path):
    cells = [
        ("none", "labels", 10, 1),
        ("none", "labels", 200, 0),
        ("none", "probabilities", 10, 0),
        ("bayes", "labels", 10, 0),
    ]
    for member in reversed(cells):
        write_cell(tmp_path, record(*member))
    names = ("defence", "adversary", "budget", "seed")
    found = [tuple(result["cell"][name] for name in names) for result in read_cells(tmp_path)]
    assert found == cells


DAMAGED = [
    (("metrics", "agreement_defended"), "0.5", "agreement_defended: '0.5'"),
    (("metrics", "agreement_validation"), 1.5, "agreement_validation: 1.5"),
    (("metrics", "agreement_clean"), -0.1, "agreement_clean: -0.1"),
    (("metrics", "clone_accuracy"), [0.5], "clone_accuracy: "),
    (("metrics", "clone_kl_nats"), float("nan"), "clone_kl_nats: nan"),
    (("metrics", "label_changes_test"), 0.5, "label_changes_test: 0.5"),
    (("cell", "resolved", "attack"), "sample", "no options of its attack"),
    (("versions", "keras"), 3, "versions.keras: 3"),
    (("versions",), "3.15", "'versions' is of type dict"),
    (("commit",), ["a"], "commit: "),
    (("victim", "fingerprint"), 7, "victim.fingerprint: 7"),
    (("victim", "evaluated_rows"), "24", "victim.evaluated_rows: '24'"),
    (("config",), {
        "split_seed": []
    }, "config.split_seed: "),
]


@pytest.mark.parametrize("place, value, message",
                         DAMAGED,
                         ids=lambda each: ".".join(each) if isinstance(each, tuple) else "")
def test_a_result_with_damaged_values_is_named(tmp_path, place, value, message):
    """Before a report fails on it, with an error that names no file."""
    result = record()
    path = write_cell(tmp_path, result)
    read_cells(tmp_path)
    part = result
    for name in place[:-1]:
        part = part.setdefault(name, {})
    part[place[-1]] = value
    path.write_text(json.dumps(result))
    with pytest.raises(RecordError, match=f"{path.name} must be .*{re.escape(message)}"):
        read_cells(tmp_path)
