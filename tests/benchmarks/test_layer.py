"""The benchmark of the layer: what it writes and refuses; how fast anything is, is not tested."""
import json
import re
import sys

from absl import flags
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import comparison
from benchmarks import layer
from benchmarks.comparison import Case
from benchmarks.comparison import Row
import benchmarks.flags
from benchmarks.peer import Peer
from benchmarks.peers import art_reverse_sigmoid
from revsig_keras import ReverseSigmoid
from revsig_keras.cli import program
from revsig_keras.testing.rows import softmax_rows
from tests.programs import run

ENTRIES = {
    "name", "ours", "other", "ratio", "unit", "limit", "repeats", "ratio_quartiles", "ratio_error"
}


def call(*arguments):
    """Runs the program in this process; returns what an error says, else 0."""
    values = flags.FlagValues()
    benchmarks.flags.define_flags(values)
    values(["layer", *map(str, arguments)])
    try:
        program.guarded(lambda: layer.main(values))
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture
def peer_python(tmp_path):
    """Makes a Python that has an ART of the given source."""

    def make(postprocessor):
        package = tmp_path / "art" / "defences"
        package.mkdir(parents=True)
        (tmp_path / "art" / "__init__.py").write_text("__version__ = '0'\nprint('noise')\n")
        (package / "__init__.py").write_text("")
        (package / "postprocessor.py").write_text(postprocessor)
        python = tmp_path / "python"
        python.write_text("#!/bin/sh\nshift  # -E\n"
                          f"PYTHONPATH='{tmp_path}' exec '{sys.executable}' \"$@\"\n")
        python.chmod(0o755)
        return python

    return make


POSTPROCESSOR = """
import numpy as np, pathlib, time

class ReverseSigmoid:
    def __init__(self, **arguments):
        self.calls = 0

    def __call__(self, y):
        self.calls += 1
        assert y.shape == (3, 10) and y.dtype == np.float32 and np.allclose(y.sum(1), 1)
        pathlib.Path(__file__).with_suffix(".calls").write_text(str(self.calls))
        time.sleep(0.002)
"""


@pytest.mark.slow
def test_the_program(tmp_path):
    """As a user starts it: the table, and the document."""
    result = run("benchmarks.layer", "--quick", "--only=^layer/xla/batch=1/classes=10$",
                 f"--json={tmp_path}/layer.json")
    assert result.returncode == 0, result.stderr
    title, line, summary = result.stdout.splitlines()
    assert title.split() == ["ours", "other", "unit", "ratio", "+-", "limit"]
    assert re.fullmatch(r"[01] of 1 rows with a limit exceed it, [01] of them by noise perhaps",
                        summary)
    document = json.loads((tmp_path / "layer.json").read_text())
    assert document["schema_version"] == 1 and document["peer"] is None
    assert document["versions"]["tensorflow"] and document["hardware"]["cpu_cores"] >= 1
    row, = document["rows"]
    assert set(row) == ENTRIES
    assert (row["name"], row["unit"], row["limit"]) == ("layer/xla/batch=1/classes=10", "ms", 2.0)
    assert row["ratio"] == row["ours"] / row["other"] and row["repeats"] >= 5
    assert line.split()[:4] == [row["name"], f"{row['ours']:.4f}", f"{row['other']:.4f}", "ms"]
    low, middle, high = row["ratio_quartiles"]
    assert low <= middle <= high and middle == pytest.approx(row["ratio"])


def limit(name):
    """The limit of a row, as published."""
    kind, *settings = name.split("/")
    mode = settings.pop(0) if kind != "predict" else None
    sizes = {key: int(value) for key, value in (setting.split("=") for setting in settings)}
    if kind in ("layer", "confidence_buckets", "decoy"):
        return {"xla": 2.0, "graph": 4.0}[mode] if sizes["classes"] <= 100 else None
    if kind == "cnn":
        return 1.02 if sizes["batch"] >= 32 else None
    if kind in ("floor", "transcendentals", "passes", "formula"):
        return None
    return 1.0 if sizes["classes"] == 10 else None


@pytest.mark.parametrize("quick", [False, True])
def test_the_rows_have_names_of_their_own_and_the_limits_that_are_published(quick):
    cases = layer.all_cases(quick)
    assert len({case.name for case in cases}) == len(cases)
    assert {
        case.name: case.limit for case in cases
    } == {
        case.name: limit(case.name) for case in cases
    }


def test_all_shapes_are_measured():
    cases = [case.name for case in layer.all_cases(quick=False)]
    shapes = {f"batch={b}/classes={k}" for b in (1, 32, 256, 4096) for k in (10, 100, 1000)}
    for prefix in ("layer/xla/", "layer/graph/", "confidence_buckets/graph/", "decoy/xla/",
                   "transcendentals/xla/", "passes/graph/", "formula/xla/", "predict/"):
        assert {name.removeprefix(prefix) for name in cases if name.startswith(prefix)} == shapes
    assert sum(name.startswith("cnn/") for name in cases) == 8


def test_passes_are_as_many_as_those_of_the_layer():
    """Operations of a graph that read or write all entries."""
    counts = []
    for each in (ReverseSigmoid(), layer.Passes()):
        graph = tf.function(each, input_signature=[tf.TensorSpec((None, 10))])
        operations = graph.get_concrete_function().graph.get_operations()
        counts.append(
            sum(
                any(tensor.shape.rank == 2 and tensor.shape[1] == 10
                    for tensor in (*each.inputs, *each.outputs))
                for each in operations
                if each.type not in ("Placeholder", "Identity", "IdentityN")))
    assert counts == [layer.PASSES] * 2


@pytest.mark.parametrize("classes", [10, 100])
def test_the_formula_is_that_of_the_layer(classes):
    """On rows where it is to be."""
    y = softmax_rows(500, classes, 2, classes)
    best = np.sort(y)[:, -2:]
    y = y[best[:, 0] < 0.99 * best[:, 1]]
    assert len(y) > 400
    np.testing.assert_allclose(layer.Formula()(y), ReverseSigmoid()(y), rtol=1e-4, atol=1e-6)


def test_a_cnn_with_the_layer_and_without(capsys):
    """Under the profiler, too."""
    config = benchmarks.flags.BenchmarkConfig(only="graph", profile=True)
    rows = comparison.run(layer.cnn_cases({2: 0.0}), config)
    assert [row.name for row in rows] == [f"{kind}/graph/batch=2/classes=10"
                                          for kind in ("cnn", "floor")]  # yapf: disable
    assert all(row.limit is None and row.ratio > 0.0 for row in rows)
    assert "Conv2D" in capsys.readouterr().out


def test_without_the_peer_its_figures_are_null(capsys):
    row, = comparison.run(layer.predict_cases([10], [3], seconds=0.0),
                          benchmarks.flags.BenchmarkConfig())
    entries = row.describe()
    assert entries["ours"] > 0.0 and entries["limit"] == 1.0
    assert {entries[key] for key in ("other", "ratio", "ratio_quartiles", "ratio_error")} == {None}
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 of 0 rows")


@pytest.mark.slow
def test_the_peer_works_on_what_the_model_predicts(peer_python, tmp_path):
    """As often as it was asked to, and its time counts."""
    with Peer(str(peer_python(POSTPROCESSOR)), "art_reverse_sigmoid.py") as peer:
        assert peer.about["versions"]["adversarial-robustness-toolbox"] == "0"
        assert peer.about["arguments"] == art_reverse_sigmoid.ARGUMENTS
        case, = layer.predict_cases([10], [3], seconds=0.0, peer=peer)
        row = comparison.measure(case, *case.make())
        calls = tmp_path / "art" / "defences" / "postprocessor.calls"
        before = int(calls.read_text())
        assert peer.seconds(3) >= 0.002
        assert int(calls.read_text()) == before + 3
    assert row.other >= 2.0 and row.ratio == row.ours / row.other


def test_repeats_alternate_and_what_disturbs_a_pair_leaves_its_ratio():
    order = []

    def side(name, seconds):
        times = iter(seconds)

        def repeat():
            order.append(name)
            return next(times)

        return repeat

    load = np.array([1, 1, 1, 5, 9])
    row = comparison.measure(Case("a", 2.0, None, 0.0), side("ours", 3e-3 * load),
                             side("other", 2e-3 * load))
    assert order == ["ours", "other"] * 5
    assert row.ratio == pytest.approx(1.5) and row.other == pytest.approx(2.0)
    assert row.quartiles == pytest.approx((1.5, 1.5, 1.5)) and row.repeats == 5


def test_each_build_is_one_measurement():
    """Its own pairs say nothing of how far another build is from it."""
    factors = iter([1.0, 1.2, 1.1, 1.4])

    def make():
        factor = next(factors)
        return lambda: 2e-3 * factor, lambda: 2e-3

    row, ours = Case("a", 2.0, make, 0.0, builds=4).measure()
    assert ours() == 2e-3 * 1.4 and row.repeats == 4
    assert row.verdict == "ok" and json.dumps(row.describe())
    assert row.ratio == pytest.approx(1.175) and row.quartiles == pytest.approx((1.075, 1.15, 1.25))
    # Student's t of 3 degrees of freedom, by its table.
    assert row.error == pytest.approx(3.1824 * row.deviation / 2, 1e-4)
    assert row.deviation == pytest.approx(np.std([1.0, 1.2, 1.1, 1.4], ddof=1))


@pytest.mark.parametrize("ours, quartiles, verdict", [
    (1.9, (1.8, 1.9, 2.0), "ok"),
    (1.9, (1.4, 1.9, 2.4), "ok?"),
    (2.0, None, "ok"),
    (2.1, (1.6, 2.1, 2.6), "OVER?"),
    (2.1, None, "OVER"),
])
def test_verdicts(ours, quartiles, verdict):
    row = Row("a", ours, 1.0, limit=2.0, repeats=25, quartiles=quartiles)
    assert row.verdict == verdict


def test_bad_flags_are_refused_before_anything_is_measured(monkeypatch, peer_python, tmp_path):
    monkeypatch.setattr(comparison, "measure", None)
    without_art = peer_python("raise ImportError('no ART')")
    expected = ("error: --peer_python must be a Python that can import the peer "
                "(adversarial-robustness-toolbox). Received: ")
    no_python = tmp_path / "no_python"
    no_python.write_text("#!/bin/sh\necho hello\n")
    no_python.chmod(0o755)
    for arguments, message in (
        ([f"--peer_python={without_art}"], f"{expected}{without_art}: ImportError: no ART"),
        (["--peer_python=nowhere/python"], f"{expected}nowhere/python: No such file or directory"),
        ([f"--peer_python={no_python}"], f"{expected}{no_python}: the peer gave no answer that can "
         "be read"),
        (["--only=conv"], "error: --only must be found in the name of a row, such as "
         "layer/xla/batch=1/classes=10. Received: conv"),
        (["--only=("], "error: --only must be a regular expression. Received: (: missing ), "
         "unterminated subpattern at position 0"),
        (["--json=nowhere/a.json"], "error: --json must be a file in a directory that can be "
         "written to. Received: nowhere/a.json"),
        ([f"--json={tmp_path}"], "error: --json must be a file in a directory that can be "
         f"written to. Received: {tmp_path}"),
    ):
        assert call(*arguments) == message
