"""The benchmark of SavedModels compares what it says, on both routes."""
import json

from absl import flags
import numpy as np
import pytest

from benchmarks import serving
import benchmarks.flags
from revsig_keras.saved_model import files
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.signatures import LoadedModel
from tests.revsig_keras.defences.test_operations import MOST
from tests.tables import some_quick


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return serving.Models(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("route", some_quick(serving.ROUTES, ["keras"]))
def test_one_side_is_what_the_layer_makes_of_the_other(route, models):
    """So the ratio is that of the defence, and of nothing else."""
    clean, defended = models.clean(), models.defended(route)
    assert inspect_saved_model(clean).leaks() and not inspect_saved_model(defended).leaks()
    images = np.random.default_rng(0).random((8, *serving.SHAPE), np.float32)
    answers = []
    for path in (clean, defended):
        meta_graph, = files.read(path).meta_graphs
        with LoadedModel(path, meta_graph) as model:
            answers += model.callable(serving.SIGNATURE)(images)
    np.testing.assert_allclose(answers[1], serving.DEFENCES[route]()(answers[0]), 1e-5)


def test_sizes_are_in_the_document(tmp_path, capsys):
    """A figure that is no time has no repeats, and a limit like the others."""
    values = flags.FlagValues()
    benchmarks.flags.define_flags(values)
    values(["serving", "--quick", "--only=size/keras", f"--json={tmp_path / 'rows.json'}"])
    serving.main(values)
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["size/keras"]
    for row in rows:
        assert row["unit"] == "MB" and row["repeats"] is None and row["limit"] == 1.01
        assert 1 < row["ratio"] < 1.1
    assert "size/keras" in capsys.readouterr().out


def test_the_floors_are_operations_more(models):
    """One, and as many as the layer has; with a row for each batch, without a limit."""
    images = np.random.default_rng(0).random((2, *serving.SHAPE), np.float32)
    answers, counts = [], []
    for path in (models.clean(), models.with_one_operation(), models.with_operations()):
        meta_graph, = files.read(path).meta_graphs
        with LoadedModel(path, meta_graph) as model:
            answers += model.callable(serving.SIGNATURE)(images)
        functions = [[node.op
                      for node in function.node_def
                      if node.op != "Const"]
                     for function in meta_graph.graph_def.library.function]
        counts.append(next(len(types) for types in functions if "Softmax" in types))
    np.testing.assert_allclose(answers[1], answers[0] / 2, 1e-6)
    np.testing.assert_allclose(answers[2], answers[0] + answers[0][:, :1], 1e-6)
    assert [count - counts[0] for count in counts] == [0, 1, serving.OPERATIONS]
    assert serving.OPERATIONS == MOST["default"][1]
    rows = {case.name: case.limit for case in serving.all_cases(False, models)}
    for floor in ("floor", "operations"):
        found = {name: limit for name, limit in rows.items() if floor in name}
        assert found == {f"latency/{floor}/batch={batch}": None for batch in serving.BATCHES}
    limits = {1: 1.08, 32: 1.02, 256: None}
    for route in serving.ROUTES:
        found = {
            name: limit for name, limit in rows.items() if name.startswith(f"latency/{route}/")
        }
        assert found == {f"latency/{route}/batch={batch}": limits[batch] for batch in limits}
