"""The chosen strength: inside the limits, and nothing inside them misleads more."""
import dataclasses
import json
import time

import numpy as np
import pytest

from revsig_keras import choose_strength
from revsig_keras import metrics
from revsig_keras import ReverseSigmoid
from revsig_keras.strength import costs
from tests.revsig_keras import backends

each_class_count = pytest.mark.parametrize("classes", backends.some_of(10, 2, 100))
numpy_alone = backends.only_on("tensorflow", "torch", reason="slow on JAX, and NumPy but the layer")


def victim(classes, rows=200, scale=4.0, seed=0):
    """Clean probabilities and labels drawn from flatter ones, so the victim is too sure."""
    rng = np.random.default_rng(seed)
    p = np.exp(rng.normal(size=(rows, classes)) * scale)
    p /= p.sum(1, keepdims=True)
    flat = np.sqrt(p) / np.sqrt(p).sum(1, keepdims=True)
    labels = np.array([rng.choice(classes, p=row) for row in flat])
    return p.astype("float32"), labels


def measured(p, labels, beta, gamma):
    """The costs of a layer as it is served."""
    served = np.asarray(ReverseSigmoid(beta, gamma)(p))
    with np.errstate(divide="ignore"):
        cost = metrics.distortion(np.log(p.astype("float64") / p.sum(1, dtype="float64")[:, None]),
                                  served)
    ece = metrics.ExpectedCalibrationError()
    ece.update_state(labels, served)
    return {
        "l1": cost.l1.mean(),
        "kl_nats": cost.kl_clean_defended_nats.mean(),
        "top1_confidence_shift": cost.top1_confidence_shift.mean(),
        "ece": float(ece.result()),
        "label_changes": cost.label_changed.sum(),
    }


ALL_LIMITS = {"l1": 0.3, "kl_nats": 0.15, "ece": 0.3}


@pytest.mark.parametrize("classes, limits", backends.some_of(
    (10, ALL_LIMITS), (2, ALL_LIMITS), (100, ALL_LIMITS), (10, {"l1": 0.3}),
    (10, {"kl_nats": 0.2}), (10, {"ece": 0.25})))  # yapf: disable
def test_no_strength_inside_the_limits_misleads_more(classes, limits):
    """And a limit is met closely, where it binds; the costs are those of the layer."""
    p, labels = victim(classes)
    choice = choose_strength(p, labels, **{f"max_{name}": x for name, x in limits.items()})
    assert choice.limits == limits

    def is_inside(row):
        return all(getattr(row, name) <= limit for name, limit in limits.items())

    assert all(row.inside_limits == is_inside(row) for row in choice.rows)
    assert choice.row in choice.rows and choice.row.inside_limits
    assert choice.row.kl_nats == max(row.kl_nats for row in choice.rows if is_inside(row))
    assert any(getattr(choice.row, name) >= 0.99 * limit for name, limit in limits.items())
    layer = choice.layer(name="defence")
    assert (layer.beta, layer.gamma, layer.preserve_top1) == (choice.beta, choice.gamma, True)
    found = measured(p, labels, layer.beta, layer.gamma)
    assert {name: getattr(choice.row, name) for name in found} == pytest.approx(found, abs=1e-6)
    assert all(row.label_changes == 0 for row in choice.rows)


@numpy_alone
@each_class_count
def test_a_larger_limit_misleads_no_less(classes):
    p, _ = victim(classes)
    chosen = [
        choose_strength(p, max_l1=limit, gammas=[0.1, 0.4]).row.kl_nats
        for limit in (0.05, 0.1, 0.3, 0.6)
    ]
    assert chosen == sorted(chosen) and chosen[0] < chosen[-1]


@pytest.mark.parametrize("classes", backends.some_of(10, 2, 100, 1000))
def test_the_grid_knows_the_number_of_classes(classes):
    """2 / classes is in it, and moves sure answers by an L1 distance of 1, or as far as it may."""
    top = np.arange(5) % classes
    choice = choose_strength(np.eye(classes, dtype="float32")[top], max_l1=2)
    at = [row for row in choice.rows if row.beta == 2 / classes]
    assert len(at) == 5 and max(row.beta for row in choice.rows) == 1.9
    # A one-hot row with r = +-1 / classes, divided by its sum.
    half = 1 / classes
    expected = 2 * (classes - 1) * half / (1 - half + (classes - 1) * half)
    assert [row.l1 for row in at] == pytest.approx([expected] * 5, abs=1e-5)
    assert 0.99 <= expected <= 1.01


@each_class_count
def test_a_vanishing_strength_costs_nothing(classes):
    p, labels = victim(classes)
    choice = choose_strength(p, labels, max_l1=1, betas=[1e-9], gammas=[0.2])
    assert choice.row.l1 < 1e-5 and choice.row.kl_nats < 1e-5
    assert abs(choice.row.top1_confidence_shift) < 1e-5
    assert choice.row.ece == pytest.approx(choice.clean_ece, abs=1e-5)


def test_a_limit_that_does_not_bind():
    """The strongest of the grid is chosen, and a single row is enough."""
    choice = choose_strength([[0.7, 0.2, 0.1]], max_kl_nats=100.0, betas=[1.0, 0.5], gammas=[0.2])
    assert [row.beta for row in choice.rows] == [0.5, 1.0]
    assert choice.beta == 1.0 and choice.row.ece is None and choice.clean_ece is None


@numpy_alone
def test_batches_change_nothing(monkeypatch):
    p, labels = victim(10)
    grid = {"betas": [0.05, 0.2], "gammas": [0.1, 0.4]}
    whole = choose_strength(p, labels, max_l1=0.3, **grid)
    monkeypatch.setattr(costs, "_BATCH_ENTRIES", 330)
    batched = choose_strength(p, labels, max_l1=0.3, **grid)
    assert (batched.beta, batched.gamma) == (whole.beta, whole.gamma)
    assert len(batched.rows) == len(whole.rows)
    for row, other in zip(batched.rows, whole.rows):
        assert dataclasses.astuple(row) == pytest.approx(dataclasses.astuple(other), abs=1e-5)


def test_a_sigmoid_unit_is_a_row_of_two_classes():
    """The choice is that for the rows (1 - y, y), and the costs are those of the layer."""
    p, labels = victim(2)
    p[:6, 1] = 0.0, 1.0, 0.5, 1e-30, 0.5 - 2.0**-25, 0.5 + 2.0**-24
    y = p[:, 1:]
    rows = np.concatenate([1 - y, y], axis=1)
    limits = {"max_l1": 0.3, "max_ece": 0.3, "gammas": [0.2]}
    choice = choose_strength(y, labels, **limits)
    assert choice == choose_strength(rows, labels, **limits) and choice.num_classes == 2
    served = np.asarray(choice.layer()(y)).astype("float64")
    assert choice.row.l1 == pytest.approx(2 * abs(served - y).mean(), abs=1e-6)
    with np.errstate(divide="ignore"):
        cost = metrics.distortion(np.log(np.concatenate([1.0 - y.astype("float64"), y], axis=1)),
                                  np.concatenate([1 - served, served], axis=1))
    assert choice.row.kl_nats == pytest.approx(cost.kl_clean_defended_nats.mean(), abs=1e-6)
    assert choice.row.label_changes == ((served > 0.5) != (y > 0.5)).sum() == 0


def test_units_of_a_multi_label_head():
    """Reshaped, as the error says; the layer that is chosen serves them as they were."""
    y = victim(2, rows=60)[0][:, 1].reshape(20, 3)
    with pytest.raises(ValueError, match=r"reshaped to \(rows \* units, 1\)"):
        choose_strength(y, max_l1=0.3)
    choice = choose_strength(y.reshape(-1, 1), max_l1=0.3, gammas=[0.2])
    served = np.asarray(choice.layer(multi_label=True)(y))
    assert choice.row.l1 == pytest.approx(2 * abs(served - y).mean(), abs=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes(dtype):
    """As far as they hold the probabilities."""
    p, _ = victim(10)
    with backends.enabled(dtype):
        cast = backends.as_numpy(backends.constant(p, dtype))
    wide, other = (choose_strength(x, max_l1=0.3, gammas=[0.2]) for x in (p, cast))
    assert cast.dtype.name == dtype and other.beta == pytest.approx(wide.beta, rel=0.05)
    unit, other = (choose_strength(x[:, :1], max_l1=0.3, gammas=[0.2]) for x in (p, cast))
    assert other.beta == pytest.approx(unit.beta, rel=0.05)


@backends.only_on("tensorflow", reason="a figure for the usual backend")
def test_it_ends_in_seconds():
    """10,000 rows of 10 classes."""
    p, labels = victim(10, rows=10_000)
    start = time.process_time()
    choose_strength(p, labels, max_l1=1)
    assert time.process_time() - start < 20


@numpy_alone
def test_the_table_and_the_code():
    p, labels = victim(10)
    choice = choose_strength(p, labels, max_l1=0.3)
    title, empty, header, *lines = str(choice).splitlines()
    assert "200 rows of 10 classes. Limits: l1 <= 0.3." in title and empty == ""
    assert f"Without a defence: {choice.clean}." in title
    assert f"ECE {choice.clean_ece:.4f}, Brier" in title
    names = "gamma beta kl_nats l1 top1_shift ece label_changes"
    assert header.split() == names.split() and len(lines) == len(choice.rows)
    chosen, = (line for line in lines if line.endswith("*"))
    assert chosen.split()[0] == f"{choice.gamma:g}"
    outside = sum(line.endswith("-") for line in lines)
    assert outside == sum(not row.inside_limits for row in choice.rows) > 0
    layer = eval(choice.code.removeprefix("revsig_keras."), {"ReverseSigmoid": ReverseSigmoid})
    assert (layer.beta, layer.gamma) == (choice.beta, choice.gamma)
    again = json.loads(json.dumps(choice.as_dict(), allow_nan=False))
    assert again["row"]["beta"] == choice.beta and len(again["rows"]) == len(choice.rows)
    with pytest.raises(dataclasses.FrozenInstanceError):
        choice.row = None


@numpy_alone
@pytest.mark.parametrize("with_labels", [False, True])
def test_the_figure(tmp_path, with_labels):
    p, labels = victim(10)
    labels = labels if with_labels else None
    choice = choose_strength(p, labels, max_l1=0.3, max_kl_nats=1, gammas=[0.1, 0.4])
    choice.plot(tmp_path / "frontier.png")
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="not supported"):
        choice.plot(tmp_path / "frontier.nothing")


@numpy_alone
def test_the_closest_is_named_where_nothing_is_inside():
    p, labels = victim(10)
    gammas = [0.05, 0.4]
    with pytest.raises(ValueError,
                       match=r"is inside `max_l1`=1e-06. The closest has l1=0\.\d+, "
                       r"with beta=0.00625 and gamma=0.05"):
        choose_strength(p, max_l1=1e-6, max_kl_nats=9, gammas=gammas)
    clean = choose_strength(p, labels, max_l1=1e-1, gammas=gammas).clean_ece
    with pytest.raises(ValueError, match=r"`max_ece`=0.0001. The closest has ece=0\."):
        choose_strength(p, labels, max_ece=1e-4, gammas=gammas)
    # An unsure victim's calibration improves first: what is inside lies in the middle.
    assert choose_strength(p, labels, max_ece=clean / 2, gammas=gammas).row.ece <= clean / 2


GOOD = np.array([[0.7, 0.3], [0.4, 0.6]])


@pytest.mark.parametrize("arguments, message", [
    ({}, "At least one of `max_l1`, .* and `max_brier_loss` must be given"),
    ({"max_ece": 0.1}, "`max_ece` needs `labels`.*Received: max_ece=0.1, labels=None"),
    *(({"max_l1": value}, "`max_l1` must be a finite number above 0.*Received: max_l1=")
      for value in (0, -1, np.nan, np.inf, "1", True)),
    ({"max_kl_nats": 0}, "`max_kl_nats` must be a finite number"),
    *(({"probabilities": value, "max_l1": 1}, "`probabilities` must be a floating-point array")
      for value in (GOOD[:0], GOOD[:, :0], [[1, 0]], [["a", "b"]], [[1]])),
    *(({"probabilities": value, "max_l1": 1}, r"reshape to \(-1, classes\), and units to \(-1, 1\)")
      for value in (GOOD[0], GOOD[None])),
    *(({"probabilities": [[0.5], [value], [-2.0]], "max_l1": 1},
       f"from 0 to 1, such as those of a sigmoid.*Received: row 1 with {value}, and 1 other")
      for value in (1.5, -0.1, np.nan)),
    ({"probabilities": [[0.5]], "labels": [2], "max_l1": 1}, "must be from 0 to 1, for 2 classes"),
    ({"probabilities": [[2.0, -1.0], [0.5, 0.5]], "max_l1": 1},
     "those of a softmax.*Received: row 0 with the smallest entry -1 and the sum 1, and 0 other"),
    ({"probabilities": [[0.5, 0.5], [0.7, 0.7], [np.nan, 1]], "max_l1": 1},
     r"row 1 with the smallest entry 0\.7 and the sum 1\.4, and 1 other"),
    *(({"labels": value, "max_l1": 1}, "`labels` must be an array of 2 integers.*Received: shape=")
      for value in ([0], [[0], [1]], [0.0, 1.0])),
    *(({"labels": value, "max_l1": 1}, "`labels` must be from 0 to 1, for 2 classes. Received: ")
      for value in ([0, 2], [-1, 0])),
    *(({"gammas": value, "max_l1": 1}, "`gammas` must be a list") for value in ([], 0.2, ["a"])),
    ({"gammas": [0.2, 1.5], "max_l1": 1}, "`gamma` must be.*Received: gamma=1.5"),
    ({"betas": [0.0], "max_l1": 1}, "`beta` must be.*Received: beta=0.0"),
    *(({"probabilities": [[0.5]], "max_l1": 1, "defence": name}, "fixed size of 2 or more")
      for name in ("rounding", "top_k", "label_only", "random_noise")),
])  # yapf: disable
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        choose_strength(**{"probabilities": GOOD, **arguments})
