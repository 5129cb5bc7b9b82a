"""Which cells of an experiment are missing, as its directory tells."""
import pytest

from attacks.adversaries.labels import Labels
from attacks.results.missing import missing_cells
from attacks.results.store import ResultStore
from tests.attacks.grid.test_config import REMOTE
from tests.attacks.grid.test_config import run_config


def grid(directory, **changes):
    """The cells of a run that has begun in a directory."""
    config = run_config(output_dir=directory, **changes)
    ResultStore(config)
    return config.experiment.cells()


def records(cells, answers="probabilities"):
    return [{"id": cell.id, "victim": {"answers": answers}} for cell in cells]


def test_those_of_the_whole_grid_are_missing_and_not_of_this_run_alone(tmp_path):
    cells = grid(tmp_path)
    assert missing_cells(tmp_path, []) == cells
    assert missing_cells(tmp_path, records(cells[:2])) == cells[2:]
    assert missing_cells(tmp_path, records(cells)) == []


def test_cells_that_mean_nothing_are_not_missing(tmp_path):
    """Random inputs have no true labels that a control could learn."""
    cells = grid(tmp_path, adversaries=("labels", "independent"), attacks=("sample", "random"))
    found = missing_cells(tmp_path, [])
    assert 0 < len(found) < len(cells)
    assert [cell for cell in cells if cell.unfit()] == [cell for cell in cells if cell not in found]


@pytest.mark.parametrize("answers, expected", [("labels", {"labels"}),
                                               ("probabilities", {"labels", "probabilities"})])
def test_an_endpoint_that_answers_with_labels_lacks_no_thief_of_probabilities(
        tmp_path, answers, expected):
    cells = grid(tmp_path, victim=REMOTE, defences=("as_served",))
    found = missing_cells(tmp_path, records(cells[:1], answers))
    assert {cell.adversary for cell in found} == expected


def test_an_endpoint_lacks_no_reader_of_clean_outputs(tmp_path, monkeypatch):
    """Also not one that was added elsewhere, and knows nothing of endpoints."""
    monkeypatch.setattr(Labels, "sees_clean", True)
    cells = grid(tmp_path, victim=REMOTE, defences=("as_served",))
    assert {cell.adversary for cell in missing_cells(tmp_path, [])} == {"probabilities"}
    assert not any(cell.unfit() for cell in cells if cell.adversary == "probabilities")


@pytest.mark.parametrize("text", [None, "--attacks=mine\n", "--steps\n"])
def test_a_grid_that_cannot_be_read_is_unknown(tmp_path, text):
    if text is not None:
        (tmp_path / "run.flags").write_text(text)
    assert missing_cells(tmp_path, []) is None
