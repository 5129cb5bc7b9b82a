"""The benchmark of attacks compares equal work, and its rows are about what they say."""
import contextlib
import json

from absl import flags
import numpy as np

from benchmarks import attacks
from benchmarks import cells
import benchmarks.flags
from models import architectures
from models.gradients import input_gradients


def test_all_sides_give_the_same_gradient():
    model = architectures.build("mnist_cnn", cells.SHAPE, cells.CLASSES, seed=1)
    points = np.random.default_rng(0).random((3, *cells.SHAPE), np.float32)
    ours = input_gradients(model, points, np.int32([4, 7, 1]))
    for other in (attacks.every_class(model), attacks.one_class(model)):
        np.testing.assert_allclose(other(points[1:2], 7)[0], ours[1], atol=1e-6)


def test_recovery_is_timed_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(attacks, "ANSWERS", 10)
    values = flags.FlagValues()
    benchmarks.flags.define_flags(values)
    values(["attacks", "--quick", "--only=recover", f"--json={tmp_path / 'rows.json'}"])
    attacks.main(values)
    row, = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert (row["name"], row["unit"], row["limit"]) == ("recover/bayes/pairs=100000", "s", 1.0)
    assert 0 < row["ours"] and row["other"] == 60


def test_the_rows_that_are_promised_are_there(monkeypatch):
    monkeypatch.setattr(cells, "fastest", lambda: ("mixed_bfloat16", "it is"))
    monkeypatch.setattr(cells, "usable_cores", lambda: 4)
    with contextlib.ExitStack() as stack:
        limits = {case.name: case.limit for case in attacks.all_cases(False, stack)}
        quick = {case.name: case.limit for case in attacks.all_cases(True, stack)}
    assert limits == {
        "cell/training/float32": 1.05,
        "cell/training/mixed_bfloat16": 1.05,
        "cell/whole/float32": 1.05,
        "cell/whole/mixed_bfloat16": 1.05,
        "cell/whole/float32/loop": None,
        "cell/whole/mixed_bfloat16/loop": None,
        "cell/at_once=4/float32": None,
        "cell/at_once=4/mixed_bfloat16": None,
        "rate/float32": None,
        "rate/mixed_bfloat16": None,
        "step/float32": None,
        "step/mixed_bfloat16": None,
        "adam/float32": None,
        "adam/mixed_bfloat16": None,
        "small/mlp/rate": None,
        "small/digits_cnn/rate": None,
        "small/mlp/at_once=4": None,
        "small/digits_cnn/at_once=4": None,
        "small/mlp/jit": None,
        "small/digits_cnn/jit": None,
        "thief/knockoff/float32": 0.75,
        "thief/knockoff/float32/agreement": None,
        "thief/copycat/float32": 0.75,
        "thief/copycat/float32/agreement": None,
        "thief/knockoff/mixed_bfloat16": 0.5,
        "thief/knockoff/mixed_bfloat16/agreement": None,
        "thief/copycat/mixed_bfloat16": 0.5,
        "thief/copycat/mixed_bfloat16/agreement": None,
        "jacobian/points=1000/eager": 0.05,
        "jacobian/points=1000/compiled": None,
        "recover/bayes/pairs=1000000": 1.0,
        "growth/budget=10000/memory": 1.1,
        "growth/budget=100000/memory": 1.1,
        "growth/budget=100000/time": 1.2,
        "growth/cells=100/memory": 1.1,
        "growth/cells=1000/memory": 1.1,
        "growth/cells=1000/time": 1.2,
        "start/quickstart": 1.25,
        "whole/quickstart": None,
    }
    assert quick.items() - limits.items() == {("recover/bayes/pairs=100000", 1.0)}
