"""The chosen bits: the fewest inside the limits, with costs of rows that were not fitted to."""
import dataclasses
import json
import math
import time

import keras
import numpy as np
import pytest

from revsig_keras import choose_strength
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import make_defence
from revsig_keras import metrics
from revsig_keras.strength import strengths
from revsig_keras.strength.costs import OwnerRows
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras import backends
from tests.revsig_keras.strength.test_strength import victim

pytestmark = backends.only_on("tensorflow", "torch", reason="slow on JAX, and NumPy but the layer")


def auroc_of(confidences, right):
    """By all pairs. (Buckets of one confidence are a step apart as given; bins hide that.)"""
    above, below = confidences[right][:, None], confidences[~right]
    return ((above > below) + 0.5 * (above == below)).mean()


def figures(labels, answers):
    """As a user measures them, with the Keras metrics."""
    measured = (metrics.ExpectedCalibrationError(), metrics.BrierScore())
    for metric in measured:
        metric.update_state(labels, answers)
    rest = [float(metric.result()) for metric in measured]
    return [auroc_of(answers.max(axis=1), answers.argmax(axis=1) == labels), *rest]


def as_list(utility):
    return list(dataclasses.astuple(utility))


DEFENCES = {
    "confidence_buckets": ConfidenceBuckets,
    "confidence_buckets:ordered_classes=3": ConfidenceBuckets,
    "decoy:decoys=1": Decoy,
}


@pytest.mark.parametrize("text", DEFENCES)
def test_the_fewest_bits_with_costs_of_other_rows(text):
    """All costs are those of the returned layer, on the half that it was not fitted to."""
    p, labels = victim(10, rows=3000, scale=3.0)
    limits = {"auroc_loss": 0.02, "brier_loss": 0.05, "ece_loss": 0.1, "l1": 1.9}
    maxima = {f"max_{name}": limit for name, limit in limits.items()}
    choice = choose_strength(p, labels, defence=text, **maxima)
    assert choice.limits == limits
    assert [row.bits for row in choice.rows] == [*range(len(choice.rows))]
    # With many bits, the shares of ordered classes may be too close in float32.
    assert len(choice.rows) == 9 or "ordered" in text and len(choice.rows) > 6
    for row in choice.rows:
        assert row.inside_limits == all(getattr(row, name) <= x for name, x in limits.items())
    assert choice.row == next(row for row in choice.rows if row.inside_limits)
    assert not choice.rows[0].inside_limits and choice.rows[0].auroc_loss > 0.1

    fitted, measured = OwnerRows(p, labels).halves()
    assert (choice.fitted_rows, choice.num_rows) == (len(fitted), len(measured)) == (1500, 1500)
    layer = choice.layer()
    again = type(layer).from_config({**make_defence(text).get_config(), "bits": choice.bits})
    again.adapt(fitted.probabilities, fitted.labels)
    assert type(layer) is DEFENCES[text] and layer.state == again.state
    answers = keras.ops.convert_to_numpy(layer(measured.probabilities))
    clean = figures(measured.labels, measured.probabilities)
    assert as_list(choice.clean) == pytest.approx(clean, abs=2e-5)
    assert as_list(choice.row.given) == pytest.approx(figures(measured.labels, answers), abs=2e-5)
    decoded = layer.decode(answers)
    auroc, ece, brier = as_list(choice.row.decoded)
    losses = [choice.row.auroc_loss, -choice.row.ece_loss, -choice.row.brier_loss]
    assert losses == pytest.approx(np.array(clean) - [auroc, ece, brier], abs=4e-5)
    assert auroc == pytest.approx(auroc_of(decoded.confidences, decoded.labels == measured.labels))
    assert choice.row.ece == ece
    if text == "confidence_buckets":
        assert [ece, brier] == pytest.approx(as_list(choice.row.given)[1:], abs=1e-5)
    l1 = np.abs(measured.probabilities - answers).sum(axis=1).mean()
    assert choice.row.l1 == pytest.approx(l1, abs=1e-6) and choice.row.label_changes == 0


def test_more_bits_lose_less_of_the_confidence():
    p, labels = victim(10, rows=4000, scale=3.0)
    chosen = [
        choose_strength(p, labels, defence="decoy", max_auroc_loss=limit).bits
        for limit in (0.4, 0.05, 0.02, 0.005)
    ]
    assert chosen == sorted(chosen) and chosen[0] == 0 and 1 < chosen[-1] < 8


def test_the_bound_counts_orders_and_merged_buckets():
    p, _ = victim(5, rows=400)
    text = "confidence_buckets:ordered_classes=3"
    rows = choose_strength(p, defence=text, max_l1=2).rows
    for row in rows:
        assert row.bits_per_answer == pytest.approx(row.effective_bits + math.log2(4 * 3))
        assert row.effective_bits == row.bits and row.decoded is row.given is row.ece is None
    alike = np.repeat(np.float32([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]]), 50, axis=0)
    rows = choose_strength(alike, defence="confidence_buckets", max_l1=2).rows
    assert [row.effective_bits for row in rows[:3]] == [0, 1, 1]


def test_a_sigmoid_unit_is_a_row_of_two_classes():
    p, labels = victim(2, rows=600)
    choice = choose_strength(p[:, 1:], labels, defence="confidence_buckets", max_brier_loss=0.2)
    layer = choice.layer(multi_label=True)
    answers = layer(p[:, 1].reshape(200, 3))
    assert layer.decode(answers).labels.shape == (200, 3)
    assert choice.layer()(p[:5, 1:]).shape == (5, 1)


def test_the_table_and_the_line_of_code(tmp_path):
    p, labels = victim(10, rows=500, scale=3.0)
    choice = choose_strength(p, labels, defence="decoy:decoys=3", max_ece=0.1)
    title, empty, header, *lines = str(choice).splitlines()
    assert "over 250 rows of 10 classes, with edges and confidences fitted to 250 others" in title
    assert f"Without a defence: {choice.clean}." in title and empty == ""
    names = "bits effective bits_per_answer l1 kl_nats auroc ece brier decoded_auroc decoded_ece"
    assert header.split() == [*names.split(), "decoded_brier"] and len(lines) == 9
    chosen, = (line for line in lines if line.endswith("*"))
    assert chosen.split()[0] == str(choice.bits)
    layer = eval(choice.code.removeprefix("revsig_keras."), {"Decoy": Decoy})
    assert layer.state == choice.state and layer.decoys == 3
    choice.write_state(tmp_path / "state.json")
    text = choice.member(tmp_path / "state.json")
    assert make_defence(text).state == choice.state
    again = json.loads(json.dumps(choice.as_dict(), allow_nan=False))
    assert again["state"] == choice.state and len(again["rows"]) == 9
    for options in ({"labels": labels}, {}):
        other = choose_strength(p, defence="decoy", max_kl_nats=9, **options)
        other.plot(tmp_path / "bits.png")
        assert (tmp_path / "bits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments, message", [
    ({"defence": "confidence_buckets:bits=2"}, "`defence` must leave out bits, which is chosen"),
    ({"defence": "decoy:state=a.json"}, "`state` must be a readable JSON file"),
    ({"defence": "decoy:from_logits=true"}, "must leave out from_logits.*choice.layer"),
    ({"defence": "decoy", "betas": [1]}, "`betas` must be left out for decoy"),
    ({"defence": "decoy", "gammas": [1]}, "`gammas` must be left out for decoy"),
    ({"defence": "none"}, "`defence` must be one whose strength can be chosen"),
    ({"defence": "reverse_sigmoid:beta=1"}, "reverse_sigmoid .with no other option than gamma"),
    ({"defence": "reverse_sigmoid:gamma=.2", "gammas": [1]}, "`gammas` must be left out where"),
    ({"defence": "rounding:decimals=1"}, "`defence` must leave out decimals, which is chosen"),
    ({"defence": "top_k", "betas": [1]}, "`betas` must be left out for top_k"),
    ({"defence": "top_k", "max_l1": 1e-9}, "No setting of top_k is inside .*with k=9. Allow more"),
    ({"defence": "label_only", "max_l1": 0.1}, r"No setting of label_only is inside `max_l1`=0\.1"),
    ({"defence": "rounding", "max_kl_nats": 1}, "has kl_nats=inf, with decimals="),
    ({"defence": "buckets"}, "Unknown defence 'buckets'"),
    ({"defence": "decoy:decoys=9"}, "below the number of classes by 2"),
    ({"defence": "decoy", "max_l1": 0.1}, r"No number of bits is inside `max_l1`=0\.1. The close"),
    ({"defence": "decoy", "max_auroc_loss": 0}, "`max_auroc_loss` must be a finite number above 0"),
    ({"defence": "decoy", "max_auroc_loss": 1}, "`max_auroc_loss` needs `labels`"),
    ({"max_brier_loss": 1}, "`max_brier_loss` needs `labels`"),
    ({"max_auroc_loss": 1, "labels": "right"}, "rows that the classifier gets right and rows"),
    ({"defence": "decoy", "rows": 1}, "must have 2 rows or more"),
])  # yapf: disable
def test_bad_input(arguments, message):
    p, _ = victim(10)
    arguments = {"max_l1": 2, **arguments}
    if arguments.get("labels") == "right":
        arguments["labels"] = p.argmax(axis=1)
    with pytest.raises(ValueError, match=message):
        choose_strength(p[:arguments.pop("rows", 200)], **arguments)


def test_losses_limit_the_reverse_sigmoid_too():
    """As it answers, since nothing is decoded; the limit is met closely."""
    p, labels = victim(10, rows=2000)
    choice = choose_strength(p, labels, max_brier_loss=0.1, gammas=[0.2])
    answers = keras.ops.convert_to_numpy(choice.layer()(p))
    loss = figures(labels, answers)[2] - figures(labels, p)[2]
    assert choice.row.brier_loss == pytest.approx(loss, abs=1e-5) and 0.099 < loss <= 0.1
    assert "brier_loss" in str(choice).splitlines()[2].split()
    choice = choose_strength(p, labels, max_auroc_loss=0.01, gammas=[0.2])
    answers = keras.ops.convert_to_numpy(choice.layer()(p))
    loss = figures(labels, p)[0] - figures(labels, answers)[0]
    assert choice.row.auroc_loss == pytest.approx(loss, abs=1e-4) and choice.row.auroc_loss <= 0.01


@pytest.mark.parametrize("seconds, is_terminal", [(0.0, True), (0.0, False), (100.0, True)])
def test_what_takes_long_shows_its_progress_on_a_terminal(seconds, is_terminal, monkeypatch,
                                                          capsys):
    monkeypatch.setattr("revsig_keras.strength.progress._SECONDS", seconds)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    p, _ = victim(10)
    choose_strength(p, max_l1=0.3, gammas=[0.2, 0.4])
    choose_strength(p, max_l1=2, defence="decoy")
    shown = capsys.readouterr().err
    assert ("Measuring strengths" in shown) == ("Measuring bits" in shown) == (seconds == 0.0 and
                                                                               is_terminal)
    assert not shown or "50%" in shown and "100%" in shown and shown.endswith("\r\033[K")


@pytest.mark.slow
@backends.only_on("tensorflow", reason="a figure for the usual backend")
def test_a_thousand_classes_take_seconds():
    """2,000 rows: 20 s of processor time before log-odds were shared by the grid."""
    p = softmax_rows(2000, 1000, 4, 0)
    start = time.process_time()
    rows = choose_strength(p, max_l1=0.3).rows
    assert len(rows) == 5 * len(strengths.default_betas(1000)) + 5
    assert time.process_time() - start < 8


@pytest.mark.parametrize("text, parameter, limit", [
    ("rounding", "decimals", {
        "max_l1": 0.2
    }),
    ("top_k", "k", {
        "max_l1": 0.5
    }),
    ("random_noise", "scale", {
        "max_kl_nats": 0.3
    }),
    ("random_noise:seed=3", "scale", {
        "max_ece": 0.2
    }),
    ("label_only", None, {
        "max_l1": 1.9
    }),
])
def test_the_strongest_setting_inside_the_limits(text, parameter, limit, tmp_path):
    """The next stronger one is outside, and the costs are those of the returned layer."""
    p, labels = victim(10)
    choice = choose_strength(p, labels, defence=text, **limit)
    place = choice.rows.index(choice.row)
    assert choice.row.inside_limits and not any(row.inside_limits for row in choice.rows[:place])
    answers = np.asarray(choice.layer()(p.astype("float32")))
    assert choice.row.l1 == pytest.approx(np.abs(answers - p).sum(1).mean(), rel=1e-4)
    made = make_defence(choice.member())
    assert {**made.get_config(), "name": 0} == {**choice.layer().get_config(), "name": 0}
    assert parameter is None or getattr(made, parameter) == choice.row.value
    if parameter == "scale":
        name, bound = next(iter(limit.items()))
        assert 0.98 * bound < getattr(choice.row, name.removeprefix("max_")) <= bound
    elif parameter is not None:
        assert place == 0 or abs(choice.rows[place - 1].value - choice.row.value) == 1
    json.dumps(choice.as_dict(), allow_nan=False)
    choice.plot(tmp_path / "settings.png")
    assert str(choice).count("\n") == len(choice.rows) + 2
