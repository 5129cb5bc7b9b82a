"""Results: complete or not there, never overwritten, and never mixed with those of another run."""

import json

import pytest

from attacks.clone.recipe import Recipe
from attacks.grid.config import RunConfig
from attacks.results.records import read_cells
from attacks.results.replay_file import read_flags
from attacks.results.replay_file import ReplayFile
from attacks.results.store import ResultStore
from models.data.loading import DataConfig
from models.victim import VictimFile
from tests.attacks.grid.test_config import experiment_config
from tests.attacks.grid.test_config import run_config


def config(directory, **changes):
    return run_config(output_dir=directory, **changes)


REPLAY = config("anywhere").replay()


def opened(directory):
    """A store that has a result, so that the directory belongs to its run."""
    store = ResultStore(config(directory))
    cell = experiment_config().cells()[0]
    store.write(cell, record(cell))
    return store


def extended(directory, **changes):
    """The store of a run that goes on with what there is."""
    store = ResultStore(config(directory, **changes))
    store.extend(record(experiment_config().cells()[0]))
    return store


def record(cell, **entries):
    return {
        "queries_used": 10,
        "metrics": {},
        "clone": {},
        "hardware": {
            "replicas": 1
        },
        "cell": cell.describe(),
        "dataset": {
            "fingerprint": "d" * 64,
            "num_classes": 10
        },
        "victim": {
            "fingerprint": "v" * 64
        },
        **entries
    }


def test_what_is_written_is_not_missing_and_is_never_overwritten(tmp_path):
    store = ResultStore(config(tmp_path))
    cells = experiment_config().cells()
    assert store.missing(cells) == cells
    store.write(cells[3], record(cells[3], value=0.1))
    store.write(cells[3], record(cells[3], value=0.2))
    assert store.missing(cells) == cells[:3] + cells[4:]
    assert [cell["value"] for cell in read_cells(tmp_path)] == [0.1]


def test_a_result_holds_numbers_as_json_has_them(tmp_path):
    store = ResultStore(config(tmp_path))
    cell = experiment_config().cells()[0]
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write(cell, record(cell, value=float("nan")))
    assert list((tmp_path / "cells").iterdir()) == []


def test_the_flagfile_replays_the_run_and_keeps_members_of_earlier_ones(tmp_path):
    opened(tmp_path)
    assert read_flags(tmp_path / "run.flags") == REPLAY
    extended(tmp_path, budgets=(40, 10), seeds=(2,), distribution="mirrored")
    assert read_flags(tmp_path / "run.flags") == {
        **REPLAY, "budgets": "20,10,40",
        "seeds": "0,1,2",
        "distribution": "mirrored"
    }


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_of_several_lines_are_replayed_or_refused(end, tmp_path):
    """As a template of JSON from an editor; other separators of lines separate no flags."""
    raw = {"oracle": "json+http://127.0.0.1/x", "oracle_scores": f"a.{end}b",
           "oracle_request": f'{{{end}"\u2028": $ROW{end}}}{end}'}  # yapf: disable
    remote = RunConfig.from_options({**raw, "output_dir": tmp_path})
    ResultStore(remote)
    assert ReplayFile(tmp_path).read().identity() == remote.experiment.identity()
    refused = config(tmp_path / "other", data=DataConfig(f"npz:a{end}.npz"))
    with pytest.raises(ValueError, match="`dataset` must have one line. Received: 'npz:a"):
        ResultStore(refused)


def test_the_flagfile_of_the_same_run_is_left_alone(tmp_path):
    """Whatever the order and the spelling of its flags."""
    opened(tmp_path)
    path = tmp_path / "run.flags"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(reversed(lines)))
    before = path.read_bytes()
    extended(tmp_path, clone=Recipe(optimizer="adam:learning_rate=1e-3"), budgets=(10, 20))
    assert path.read_bytes() == before


def test_a_directory_of_a_different_experiment_is_refused_and_left_as_it_was(tmp_path):
    opened(tmp_path)
    before = (tmp_path / "run.flags").read_bytes()
    with pytest.raises(ValueError, match="different experiment.*`steps` is 600 there, 700 now"):
        ResultStore(config(tmp_path, clone=Recipe(steps=700)))
    with pytest.raises(ValueError, match="`victim_seed` is 0 there, not given now"):
        ResultStore(config(tmp_path, victim=VictimFile("v.keras")))
    assert (tmp_path / "run.flags").read_bytes() == before


def test_a_run_from_before_an_option_was_there_can_be_extended(tmp_path):
    opened(tmp_path)
    later = {"epsilon": "0.25", "precision": "float32", "jit": "false"}
    older = {name: text for name, text in REPLAY.items() if name not in later}
    (tmp_path / "run.flags").write_text("".join(f"--{name}={older[name]}\n" for name in older))
    extended(tmp_path)
    assert read_flags(tmp_path / "run.flags") == REPLAY
    with pytest.raises(ValueError, match="`epsilon` is 0.25 there, 0.5 now"):
        ResultStore(config(tmp_path, epsilon=0.5))


@pytest.mark.parametrize("text", ["--steps\n", "--steps=many\n", "--colour=red\n", "steps"])
def test_a_damaged_flagfile_is_named(tmp_path, text):
    opened(tmp_path)
    (tmp_path / "run.flags").write_text(text)
    with pytest.raises(ValueError, match="run.flags must"):
        ResultStore(config(tmp_path))


def test_a_start_that_led_to_nothing_binds_nobody(tmp_path):
    ResultStore(config(tmp_path))
    ResultStore(config(tmp_path, clone=Recipe(steps=700)))
    assert read_flags(tmp_path / "run.flags")["steps"] == "700"


def test_while_a_run_is_at_work_other_experiments_are_refused(tmp_path):
    """Although there is no victim yet; and also if both begin at one time."""
    other = config(tmp_path, clone=Recipe(steps=700))
    store = ResultStore(config(tmp_path))
    with store.at_work(), ResultStore(config(tmp_path, budgets=(40,))).at_work():
        with pytest.raises(ValueError, match="different experiment.*`steps` is 600 there, 700 now"):
            ResultStore(other)
    with ResultStore(other).at_work():
        with pytest.raises(ValueError, match="different experiment.*`steps` is 700 there, 600 now"):
            with store.at_work():
                pass
    assert not list(tmp_path.glob(".*.lock"))


def test_a_directory_with_foreign_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match="new or empty directory"):
        ResultStore(config(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_directory_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        ResultStore(config(tmp_path / "file" / "below"))


def test_members_are_merged_by_what_they_mean(tmp_path):
    opened(tmp_path)
    extended(tmp_path, defences=("reverse_sigmoid", "none"), budgets=(10, 30))
    merged = read_flags(tmp_path / "run.flags")
    assert merged["defences"] == "none,reverse_sigmoid:beta=1"
    assert merged["budgets"] == "20,10,30"


def test_what_a_killed_start_leaves_behind_binds_nobody(tmp_path):
    (tmp_path / ".run.flags.0123").write_text("--data")
    ResultStore(config(tmp_path, clone=Recipe(steps=700)))
    (tmp_path / ".run-0123.lock").touch()
    ResultStore(config(tmp_path))
    assert not list(tmp_path.glob(".*.lock"))
    assert read_flags(tmp_path / "run.flags") == REPLAY


def test_another_number_of_replicas_is_refused(tmp_path):
    store = opened(tmp_path)
    cell = experiment_config().cells()[0]
    with pytest.raises(ValueError, match="with the replicas 1, and now 2"):
        store.extend({**record(cell), "hardware": {"replicas": 2}})


@pytest.mark.parametrize("name", ["dataset", "victim"])
def test_other_data_or_another_victim_are_refused(tmp_path, name):
    store = ResultStore(config(tmp_path))
    cell = experiment_config().cells()[0]
    store.extend(record(cell))
    store.write(cell, record(cell))
    store.extend(record(cell))
    store = ResultStore(config(tmp_path, budgets=(40,)))
    with pytest.raises(ValueError, match=f"results of the same {name}"):
        store.extend({**record(cell), name: {**record(cell)[name], "fingerprint": "other"}})
    assert read_flags(tmp_path / "run.flags") == REPLAY


def test_results_are_ordered_whatever_their_file_names(tmp_path):
    store = ResultStore(config(tmp_path))
    cells = experiment_config().cells()
    for cell in reversed(cells):
        store.write(cell, record(cell))
    kept = read_cells(tmp_path)
    assert [
        json.dumps(cell["cell"]["budget"])
        for cell in kept
        if cell["cell"]["seed"] == 0 and cell["cell"]["adversary"] == "labels"
    ] == ["10", "20"] * 2
    assert [cell["cell"]["defence"] for cell in kept[:8]] == ["none"] * 8


def test_runs_that_begin_at_one_time_share_a_directory_and_keep_each_others_members(tmp_path):
    """Each has read the flags before the other has written its own."""
    opened(tmp_path)
    stores = [ResultStore(config(tmp_path, budgets=budgets)) for budgets in ((40,), (80,))]
    for store in stores:
        store.extend(record(experiment_config().cells()[0]))
    assert read_flags(tmp_path / "run.flags")["budgets"] == "20,10,40,80"
