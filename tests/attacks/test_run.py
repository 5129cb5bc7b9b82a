"""The programs, run as a user runs them."""

from concurrent import futures
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from attacks import ExecutionConfig
from attacks import ExperimentConfig
from attacks import flags
from attacks import plot
from attacks import Results
from attacks import run
from attacks import run_experiment
from attacks import RunConfig
from attacks.report.columns.columns import SUMMARY
from attacks.results.replay_file import read_flags
from attacks.schedule import cell_runner
from tests.attacks.programs import call
from tests.attacks.programs import figures
from tests.attacks.programs import parsed
from tests.attacks.programs import summary
from tests.programs import Program
from tests.programs import start

# A whole run in seconds.
SMALL = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
         "--steps=40", "--budgets=10,20", "--seeds=3")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The directory and the output of one whole run, as a user makes it."""
    directory = tmp_path_factory.mktemp("run") / "new" / "results"
    process = start("attacks.run", *SMALL, f"--output_dir={directory}")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return directory, out, err


def test_a_run_says_what_came_out_and_writes_its_files(finished):
    directory, out, err = finished
    assert "With 20 queries the thief's agreement" in out
    assert "a thief that uses only labels reaches" in out
    assert {path.name for path in directory.iterdir()} == {
        "cells", "run.flags", "summary.csv", "comparisons.csv", "agreement.png", "report.html",
        "verdict.json", "victim.keras", "victim.json"
    }
    assert len(list((directory / "cells").iterdir())) == len(summary(directory)) == 2 * 1 * 2 * 2
    assert "100%" in err and "8 cells done, 0 left" in err


def test_the_function_does_what_the_program_does(finished, tmp_path, capsys):
    """It prints nothing, ends no process and can be called from any thread, again and again."""
    config = flags.run_config(parsed(*SMALL, f"--output_dir={tmp_path}"))
    with futures.ThreadPoolExecutor(1) as thread:
        results = [thread.submit(run_experiment, config).result() for _ in range(2)]
    assert capsys.readouterr() == ("", "")
    assert [len(each) for each in results] == [8, 8]
    results[1].write()
    assert figures(tmp_path) == figures(finished[0])


def test_the_function_refuses_what_is_impossible_before_it_writes(tmp_path):
    config = RunConfig(ExperimentConfig(budgets=(9999,)), ExecutionConfig(tmp_path / "results"))
    with pytest.raises(ValueError, match="at most the 575 rows of the thief's pool"):
        run_experiment(config)
    assert not list(tmp_path.iterdir())


def test_the_start_is_quiet(finished):
    _, out, err = finished
    assert out.startswith("defence")
    said, more, *bar = filter(None, err.replace("\r", "\n").splitlines())
    assert said.startswith("clones_per_device=auto: ")
    assert more.startswith("distribution=auto: ")
    for line in bar:
        assert "steps [" in line, line


def test_a_run_shares_the_cores_before_tensorflow_starts(tmp_path):
    code = """
import sys
import tensorflow as tf
from attacks import flags
from attacks import run_experiment
from tests.attacks.programs import parsed
run_experiment(flags.run_config(parsed(*sys.argv[1:])))
print(tf.config.threading.get_intra_op_parallelism_threads())
"""
    flags = ("--victim_architecture=mlp", "--clone_architecture=mlp", "--victim_steps=1",
             "--steps=1", "--budgets=10", "--seeds=3", "--clones_per_device=99",
             f"--output_dir={tmp_path}")
    environment = {key: value for key, value in os.environ.items() if "INTRAOP" not in key}
    done = subprocess.run([sys.executable, "-c", code, *flags],
                          env=environment,
                          text=True,
                          capture_output=True,
                          timeout=300,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "1"


def test_labels_survive_and_the_labels_only_thief_is_not_hindered(finished):
    rows = {(row["defence"], row["adversary"], row["budget"]): row for row in summary(finished[0])}
    for row in rows.values():
        assert row["label_changes"] == row["label_changes_test"] == "0"
        assert row["queries_used"] == row["budget"]
        assert row["agreement_clean"] == row["agreement_defended"]
    for budget in ("10", "20"):
        labels = [rows[defence, "labels", budget] for defence in ("none", "reverse_sigmoid")]
        assert labels[0]["clone_digest"] == labels[1]["clone_digest"]
        assert labels[0]["agreement_clean"] == labels[1]["agreement_clean"]
        assert float(rows["none", "labels", budget]["distortion_kl_nats"]) == 0
        assert float(rows["reverse_sigmoid", "labels", budget]["distortion_kl_nats"]) > 0.5


def test_every_cell_can_be_made_again(finished):
    directory, _, _ = finished
    for path in (directory / "cells").iterdir():
        record = json.loads(path.read_text())
        assert record["schema_version"] == 3
        assert record["id"] == path.stem
        assert record["seconds"] > 0 < record["cpu_seconds"]
        assert {"python", "tensorflow", "keras", "numpy",
                "revsig_keras"} <= record["versions"].keys()
        assert record["hardware"]["replicas"] == 1
        assert record["config"]["clone"]["optimizer"] == {"name": "adam", "learning_rate": 0.001}
        assert record["cell"]["resolved"]["attack"] == {
            "name": "sample",
            "augment": "none",
            "shift": 0.1,
            "copies": 1
        }
        assert record["victim"]["split_seed"] == record["config"]["split_seed"] == 0
        unknown = {name for name, value in record["metrics"].items() if value is None}
        # None are held out, and answers that are not coded are not decoded.
        decoded = {name for name in record["metrics"] if name.endswith("_decoded")}
        assert unknown == {"agreement_held_out", *decoded}
        assert record["metrics"].keys() <= {column.name for column in SUMMARY}
        assert record["queries_per_round"] == [record["queries_used"]]
        assert len(record["clone"]["agreement_validation_curve"]) == 3


def test_the_flagfile_replays_the_run(finished, tmp_path):
    """With any number of clones trained at once: the program chose two, or one on a single core."""
    directory, _, _ = finished
    text = (directory / "run.flags").read_text()
    assert str(directory) not in text and "output_dir" not in text and "data_dir" not in text
    assert call(f"--flagfile={directory / 'run.flags'}", f"--output_dir={tmp_path}",
                "--clones_per_device=3") == 0
    assert figures(tmp_path) == figures(directory)
    record = json.loads(next((tmp_path / "cells").iterdir()).read_text())
    assert record["hardware"]["clones_at_once"] == 3


@pytest.mark.slow
def test_a_run_with_more_members_extends_the_directory(finished, tmp_path):
    directory, _, _ = finished
    assert call(*SMALL[:-2], "--budgets=10", "--seeds=3", f"--output_dir={tmp_path}") == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert call(*SMALL[:-2], "--budgets=20", "--seeds=3", f"--output_dir={tmp_path}") == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(before) == 4 and len(after) == 8 and before.items() <= after.items()
    assert figures(tmp_path) == figures(directory)
    assert read_flags(tmp_path / "run.flags") == read_flags(directory / "run.flags")


# When a run is stopped, and how: before, while and after the victim is written, and in the grid.
STOPS = (("run.flags", 1, signal.SIGKILL), ("victim.keras", 1, signal.SIGKILL),
         ("cells/.*.checkpoint/*/*/*.index", 1,
          signal.SIGTERM), ("cells/*.json", 1, signal.SIGINT), ("cells/*.json", 3, signal.SIGKILL))
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@pytest.mark.parametrize("stops, budgets", [
    (STOPS[3:4], "20"),
    pytest.param(STOPS, "10,20", marks=pytest.mark.slow),
], ids=["one", "all"])  # yapf: disable
def test_a_run_stopped_at_any_moment_goes_on_and_ends_with_the_same_figures(
        stops, budgets, tmp_path_factory):
    whole, tmp_path = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("stopped")
    # So that a run does not end before it is stopped.
    longer = (*SMALL, "--adversaries=labels", "--steps=1500", "--checkpoint_every=.1",
              f"--budgets={budgets}")  # yapf: disable
    assert call(*longer, f"--output_dir={whole}") == 0
    for pattern, count, how in stops:
        process = Program("attacks.run", *longer, f"--output_dir={tmp_path}")
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob(pattern))) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
        assert process.returncode == STATUS[how], err
        assert "Traceback" not in err and ("terminated" in err) == (how == signal.SIGTERM)
    assert len(list((tmp_path / "cells").glob("*.json"))) >= stops[-1][1]
    assert call(*longer, f"--output_dir={tmp_path}") == 0
    assert figures(tmp_path) == figures(whole)


def test_an_error_in_one_of_several_cells_ends_the_run_and_keeps_the_others(tmp_path, monkeypatch):
    run_cell, begun = cell_runner.run_cell, []

    def fail_in_the_third(*arguments):
        begun.append(arguments)
        if len(begun) == 3:
            raise ValueError("the third cell is broken")
        return run_cell(*arguments)

    monkeypatch.setattr(cell_runner, "run_cell", fail_in_the_third)
    flags = (*SMALL, "--clones_per_device=2", "--adversaries=labels", "--budgets=8,9,10",
             f"--output_dir={tmp_path}")
    assert "the third cell is broken" in call(*flags)
    assert len(begun) < 6 and 0 < len(list((tmp_path / "cells").glob("*.json"))) < len(begun)
    assert not list(tmp_path.rglob("cells/.*.lock"))
    monkeypatch.undo()
    assert call(*flags) == 0 and len(summary(tmp_path)) == 6


@pytest.mark.slow
def test_precision_is_written_down_and_stays(tmp_path, capsys):
    flags = (*SMALL, "--budgets=10", "--adversaries=labels", f"--output_dir={tmp_path}")
    assert call(*flags, "--precision=auto", "--jit") == 0
    chosen = re.search("--precision=auto: ([a-z0-9_]+), as", capsys.readouterr().err)[1]
    written = read_flags(tmp_path / "run.flags")
    assert (written["precision"], written["jit"]) == (chosen, "true")
    record = json.loads(next((tmp_path / "cells").iterdir()).read_text())
    assert record["config"]["clone"]["precision"] == chosen
    assert call(f"--flagfile={tmp_path}/run.flags", f"--output_dir={tmp_path}") == 0
    assert "`--jit` is true there, false now" in call(*flags, f"--precision={chosen}")
    assert "mixed_float16 now" in call(*flags, "--jit", "--precision=mixed_float16")


def test_several_runs_share_a_directory_and_do_each_cell_once(finished, tmp_path):
    """One of them trains the victim, and one that is killed holds up nobody."""
    shared = (*SMALL, f"--output_dir={tmp_path / 'shared'}")
    shares = [(), ("--cells=0-3,6",), ("--cells=5,7",)]
    processes = [Program("attacks.run", *shared, *share) for share in shares]
    deadline = time.monotonic() + 120
    while not (tmp_path / "shared" / "victim.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    processes[0].kill()
    outputs = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes[1:]] == [0, 0], outputs
    assert not any("by another run meanwhile" in err for _, err in outputs)
    assert call(*shared) == 0
    assert figures(tmp_path / "shared") == figures(finished[0])
    assert not list((tmp_path / "shared").rglob(".*.lock"))


def test_cells_are_listed_and_chosen_by_their_places(tmp_path, capsys):
    assert call(*SMALL, f"--output_dir={tmp_path / 'none'}", "--list_cells") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "0 none, sample, probabilities, 10 queries, seed 3" and len(lines) == 8
    assert not (tmp_path / "none").exists()
    assert call(*SMALL, f"--output_dir={tmp_path}", "--cells=6-7,0,0") == 0
    found = {f"{row['defence']}, {row['attack']}, {row['adversary']}, {row['budget']} queries, "
             f"seed {row['seed']}" for row in summary(tmp_path)}  # yapf: disable
    assert found == {lines[place].split(" ", 1)[1] for place in (0, 6, 7)}
    for cells, message in (("8", "from 0 to 7.*Received: 8"), ("3-1", "such as 0,3-7.*Received"),
                           ("a", "such as 0,3-7. Received: a"), ("-1", "such as 0,3-7"),
                           ("", "--cells.*at least one place.*Received: none")):
        assert re.search(message, call(*SMALL, f"--output_dir={tmp_path}", f"--cells={cells}"))


def test_a_grid_with_missing_cells_decides_nothing(tmp_path, capsys):
    """The exit status is 3 until every cell is there, whatever the limit."""
    small = (*SMALL[:-2], "--seeds=3", "--budgets=10", "--adversaries=labels",
             f"--output_dir={tmp_path}")  # yapf: disable
    for limit in ("0", "1"):
        assert call(*small, "--cells=0", f"--fail_above={limit}") == 3
        assert "Missing: reverse_sigmoid, sample, labels, 10 queries" in capsys.readouterr().out
    assert call(*small, "--cells=0") == 0  # Nothing is to be judged.
    assert call(*small, "--fail_above=1") == 0 and call(*small, "--fail_above=0") == 2


@pytest.mark.parametrize("limit, status", [((), 0), (("--fail_above=.5",), 3)])
def test_a_run_that_finds_no_cell_done_is_undecided(tmp_path, monkeypatch, limit, status):
    monkeypatch.setattr(run, "run_experiment", lambda *_: Results(tmp_path))
    assert call(*SMALL, f"--output_dir={tmp_path}", *limit) == status


@pytest.mark.slow
def test_two_spellings_of_a_member_are_one_member(tmp_path):
    small = (*SMALL[:-2], "--seeds=3", "--adversaries=labels", f"--output_dir={tmp_path}")
    assert call(*small, "--budgets=10") == 0
    assert call(*small, "--budgets=10,20", "--defences=none,reverse_sigmoid:gamma=.2",
                "--optimizer=adam:learning_rate=1e-3") == 0
    assert {row["defence"] for row in summary(tmp_path)} == {"none", "reverse_sigmoid"}
    assert len(summary(tmp_path)) == 4
    assert read_flags(tmp_path / "run.flags")["defences"] == "none,reverse_sigmoid"


@pytest.mark.slow
def test_replicas_and_early_stopping_by_flags(tmp_path):
    small = (*SMALL[:3], "--steps=400", "--budgets=20", "--seeds=3", f"--output_dir={tmp_path}")
    assert call(*small, "--distribution=mirrored", "--held_out=.3", "--patience=1") == 0
    for path in (tmp_path / "cells").iterdir():
        record = json.loads(path.read_text())
        assert record["hardware"]["replicas"] == 2
        assert record["queries_used"] == 20
        assert record["config"]["clone"]["held_out"] == 0.3
    assert "replicas 2, and now 1" in call(*small, "--held_out=.3", "--patience=1")


def test_a_training_that_diverges_is_no_result(tmp_path):
    error = call(*SMALL, f"--output_dir={tmp_path}", "--optimizer=sgd:learning_rate=1e30")
    assert isinstance(error, str) and "training diverged" in error
    assert not list((tmp_path / "cells").iterdir())


def test_the_plot_program_remakes_the_report_from_the_cells_alone(finished, tmp_path):
    directory, out, _ = finished
    os.symlink(directory / "cells", tmp_path / "cells")
    plot.main(str(tmp_path))
    for name in ("summary.csv", "agreement.png"):
        assert (tmp_path / name).read_bytes() == (directory / name).read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Files of vectors: good ones, and what users give by mistake."""
    directory = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5)).astype(np.float32)
    np.savez(directory / "vectors.npz", x=x, y=(x[:, 0] > 0).astype(int))
    np.savez(directory / "other.npz", x=x + 1, y=(x[:, 0] > 0).astype(int))
    (directory / "text.npz").write_text("no arrays")
    (directory / "broken.flags").write_text("--steps=many\n")
    (directory / "binary.flags").write_bytes(bytes(range(128, 256)))
    return directory


@pytest.mark.slow
def test_vectors_from_a_file_are_attacked_like_images(data, tmp_path):
    assert call(*SMALL, f"--dataset=npz:{data}/vectors.npz", f"--output_dir={tmp_path}") == 0
    assert {row["dataset"] for row in summary(tmp_path)} == {f"npz:{data}/vectors.npz"}


BAD_INPUT = {
    "unknown data set": (("--dataset=minst",), "mnist"),
    "malformed size": (("--image_size=4",), "HEIGHT,WIDTH in pixels. Received: '4'"),
    "unknown victim architecture": (
        ("--victim_architecture=resnet",), "mlp, digits_cnn, mnist_cnn"),
    "unknown clone architecture": (("--clone_architecture=resnet",), "mlp, digits_cnn, mnist_cnn"),
    "unknown attack": (("--attacks=sampel",), "sample"),
    "unknown adversary": (("--adversaries=label",), "probabilities, labels"),
    "unknown defence": (("--defences=rs",), "none, reverse_sigmoid"),
    "unknown option": (("--defences=reverse_sigmoid:alpha=1",), "beta, gamma, preserve_top1"),
    "malformed member": (("--defences=reverse_sigmoid:beta=",), "reverse_sigmoid:beta="),
    "beta out of range": (("--defences=reverse_sigmoid:beta=2",), "beta"),
    "gamma out of range": (("--defences=reverse_sigmoid:gamma=0",), "gamma"),
    "gamma that is no number": (("--defences=reverse_sigmoid:gamma=nan",), "gamma"),
    "budget larger than the pool": (
        ("--budgets=20,576",), "575 rows of the thief's pool. Received: 576"),
    "budget that is no number": (("--budgets=ten",), "whole numbers.*ten"),
    "seed that is no number": (("--seeds=1.5",), "whole numbers.*1.5"),
    "victim that is not there": (
        ("--victim={data}/victim.keras",), "victim.keras, which does not exist"),
    "output below a file": (("--output_dir={data}/text.npz/below",), "text.npz"),
    "file without arrays": (("--dataset=npz:{data}/text.npz",), "text.npz"),
    "file that is not there": (("--dataset=npz:{data}/nothing.npz",), "nothing.npz"),
    "images wanted, vectors given": (
        ("--dataset=npz:{data}/vectors.npz", "--clone_architecture=digits_cnn"), "images"),
    "augmented vectors": (
        ("--dataset=npz:{data}/vectors.npz", "--attacks=sample:augment=after"), "shifts images"),
    "one row to hold out of": (
        ("--held_out=.5", "--budgets=1"), "two inputs.*`--held_out` takes one.*Received: 1"),
    "momentum out of range": (("--optimizer=sgd:momentum=2",), "sgd:momentum=2"),
    "victim unfit for the data": (
        ("--dataset=npz:{data}/vectors.npz", "--victim_architecture=digits_cnn"), "images"),
    "no output directory": (("--output_dir=",), "--output_dir"),
}


@pytest.mark.parametrize("arguments, message", BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_a_line_or_two_and_trains_nothing(arguments, message, data, tmp_path):
    arguments = [argument.format(data=data) for argument in arguments]
    error = call(*SMALL, f"--output_dir={tmp_path / 'results'}", *arguments)
    assert isinstance(error, str), error
    assert error.startswith("error: ") and error.count("\n") <= 1
    assert re.search(message, error), error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("changes, message", [
    (("--steps=41",), "different experiment.*`--steps` is 40 there, 41 now"),
    (("--split_seed=1",), "--split_seed"),
    (("--victim_seed=1",), "--victim_seed"),
    (("--dataset=npz:{data}/vectors.npz",), "--dataset"),
])
def test_a_directory_of_a_different_run_is_left_as_it_is(finished, data, changes, message):
    directory, _, _ = finished
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    error = call(*SMALL, f"--output_dir={directory}",
                 *(change.format(data=data) for change in changes))
    assert isinstance(error, str) and message.split(".*")[-1] in error
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("changes, message", [
    (("--split_seed=1",), "split_seed"),
    (("--dataset=npz:{data}/vectors.npz",), "does not fit"),
])
def test_a_victim_that_does_not_fit_the_data_is_refused(finished, data, tmp_path, changes, message):
    directory, _, _ = finished
    error = call(*SMALL, f"--victim={directory / 'victim.keras'}", f"--output_dir={tmp_path}",
                 *(change.format(data=data) for change in changes))
    assert isinstance(error, str) and message in error


def test_a_given_victim_is_attacked_as_the_trained_one_was(finished, tmp_path):
    directory, _, _ = finished
    assert call(*SMALL, f"--victim={directory / 'victim.keras'}", f"--output_dir={tmp_path}") == 0
    assert figures(tmp_path) == figures(directory)
    assert not (tmp_path / "victim.keras").exists()
    assert "--victim_steps" not in (tmp_path / "run.flags").read_text()


def test_bad_input_on_the_command_line_ends_with_status_1_and_no_traceback(data, tmp_path):
    output = f"--output_dir={tmp_path / 'results'}"
    cases = [("attacks.run", output, "--budgets=9999"),
             ("attacks.run", output, f"--flagfile={data}/nothing.flags"),
             ("attacks.run", output, f"--flagfile={data}/broken.flags"),
             ("attacks.run", output, f"--flagfile={data}/binary.flags"),
             ("attacks.run", output, "more"), ("attacks.plot", tmp_path), ("attacks.plot",)]
    processes = [Program(*case) for case in cases]
    for case, process in zip(cases, processes):
        _, err = process.communicate(timeout=120)
        assert process.returncode == 1, (case, err)
        assert "Traceback" not in err and err.strip()
    assert not (tmp_path / "results").exists()
