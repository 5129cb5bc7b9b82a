"""Both sides of the rows of a cell do the same work, and operations are counted right."""
import keras
import numpy as np
import pytest

from benchmarks import bare
from benchmarks import cells


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(cells, "ARCHITECTURE", "mlp")


@pytest.mark.slow
def test_a_whole_cell_and_what_it_is_compared_with():
    cell = cells.WholeCell("float32", steps=4, rows=(400, 60))
    records = [cell.steal(), cell.steal()]
    digests = {record["clone"]["digest"] for record in records}
    assert len(digests) == 2, "A clone that is remembered is not trained."
    for record in records:
        assert record["clone"]["steps"] == 4 and record["queries_used"] == 160
        assert {"clone_kl_nats", "transferability", "distortion_l1"} <= record["metrics"].keys()
    cell.bare_loop()(), cell.bare_passes()()


def test_the_bare_loop_takes_so_many_steps_and_learns():
    model, (x, y) = cells.build("float32"), cells.random_rows(8)
    train = bare.loop(model, 8, 60, x, y)

    def loss():
        return keras.losses.categorical_crossentropy(y, model(x), from_logits=True).numpy().mean()

    before = loss()
    train()
    assert loss() < 0.1 * before
    repeat = cells.training(cells.make_recipe("float32", 3), x, y)
    assert repeat() > 0


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_products_are_three_a_layer_but_for_the_first(precision, monkeypatch):
    monkeypatch.setattr(cells, "ARCHITECTURE", "digits_cnn")
    multiply = bare.products(cells.build(precision), 2)
    assert len(multiply()) == 4 * 3 - 1 and np.isfinite(multiply()).all()


def test_operations_are_those_of_the_layers(monkeypatch):
    monkeypatch.setattr(cells, "ARCHITECTURE", "mnist_cnn")
    forward = np.int64([
        26 * 26 * 32 * 9 * 1,
        24 * 24 * 64 * 9 * 32,
        12 * 12 * 64 * 128,
        128 * 10,
    ])
    assert bare.training_operations(cells.build("float32")) == 2 * (3 * forward.sum() - forward[0])
    inputs = keras.Input((3, 4))
    other = keras.Model(inputs, keras.layers.LSTM(2)(inputs))
    with pytest.raises(ValueError, match="Dense or Conv2D.*lstm"):
        bare.training_operations(other)
