"""The benchmark of attacks compares equal gradients, and its rows are about what they say."""
import json

from absl import flags
import numpy as np

from benchmarks import attacks
import benchmarks.flags
from models import architectures
from models.gradients import input_gradients


def test_all_sides_give_the_same_gradient():
    model = architectures.build("mnist_cnn", attacks.SHAPE, attacks.CLASSES, seed=1)
    points = np.random.default_rng(0).random((3, *attacks.SHAPE), np.float32)
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


def test_the_rows_that_are_promised_are_there():
    names = [case.name for case in attacks.all_cases(False)]
    assert names == [
        "jacobian/points=1000/eager", "jacobian/points=1000/compiled", "recover/bayes/pairs=1000000"
    ]
