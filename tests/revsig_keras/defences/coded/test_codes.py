"""Edges, confidences and constants, against float64, and what is refused."""
import json
import warnings

import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import make_defence
from revsig_keras.metrics import ConfidenceAUROC
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_float64

KINDS = {"buckets": ConfidenceBuckets, "decoy": Decoy}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def validation(rows=4000, classes=10, seed=0):
    """Rows of a classifier that is surer than right, and true classes."""
    rng = np.random.default_rng(seed)
    y = softmax_rows(rows, classes, 4, seed)
    softer = y.astype("float64")**0.5
    softer /= softer.sum(axis=1, keepdims=True)
    return y, np.array([rng.choice(classes, p=row) for row in softer])


def reference(y, labels, bits):
    """Edges and confidences by the definition, in float64, one bucket at a time."""
    y = y.astype("float64")
    doubts = np.maximum(np.sort(y, axis=1)[:, :-1].sum(axis=1) / y.sum(axis=1), 2.0**-24)
    count = 2**bits
    low, high = np.quantile(-np.log(doubts), [0, {2: 0.5, 8: 0.75, 32: 0.9375}[count]])
    edges = [np.float32(np.exp(-(low + (high - low) * i / count))) for i in range(1, count)]
    buckets = np.array([sum(doubt <= edge for edge in edges) for doubt in doubts])
    confidences, weights = [], []
    for bucket in range(count):
        inside = buckets == bucket
        mean = 1 - doubts[inside].mean()
        right = (y[inside].argmax(axis=1) == labels[inside]).sum()
        if inside.sum() >= 100:
            mean = (right + 10 * mean) / (inside.sum() + 10)
        confidences.append(mean)
        weights.append(inside.sum())
    # Isotonic regression as the minimum over ends of the maximum over beginnings of the means.
    means = [[
        np.average(confidences[i:j + 1], weights=weights[i:j + 1]) if i <= j else -1
        for j in range(count)
    ]
             for i in range(count)]
    isotonic = [
        max(min(means[i][j] for j in range(b, count)) for i in range(b + 1)) for b in range(count)
    ]
    return edges, isotonic, buckets


@each_kind
@pytest.mark.parametrize("mode", backends.MODES.values(), ids=backends.MODES)
def test_spoilt_rows_become_nan_and_no_others(kind, mode):
    """With a NaN or an infinity at the label or not, or a sum that overflows."""
    most = np.finfo("float32").max
    spoilt = np.float32([[np.nan, 0.5, 0.3, 0.2], [0.1, np.nan, 0.6, 0.3], [np.inf, 0, 1, 1],
                         [0, np.inf, np.inf, 0], [np.nan, np.inf, 0, 0], [most, most, 0, 0]])
    y = softmax_rows(2 * len(spoilt), 4, 2, 0)
    mixed = y.copy()
    mixed[::2] = spoilt
    answers, alone = (as_float64(mode(kind())(backends.constant(each))) for each in (mixed, y))
    assert np.isnan(answers[::2]).all()
    np.testing.assert_array_equal(answers[1::2], alone[1::2])


@pytest.mark.parametrize("mode", backends.MODES.values(), ids=backends.MODES)
def test_spoilt_units_become_nan_and_no_others(mode):
    y = np.float32([[np.nan, 0.2, 0.9], [0.1, np.inf, 0.6], [0.3, 0.7, -np.inf]])
    layer = ConfidenceBuckets(multi_label=True)
    answers, alone = (as_float64(mode(layer)(backends.constant(each)))
                      for each in (y, np.where(np.isfinite(y), y, 0.5)))
    np.testing.assert_array_equal(answers, np.where(np.isfinite(y), alone, np.nan))


@each_kind
@pytest.mark.parametrize("bits", (1, 3, 5))
def test_fitted_as_the_definition_says(kind, bits):
    y, labels = validation()
    layer = kind(bits)
    layer.adapt(y, labels)
    edges, confidences, buckets = reference(y, labels, bits)
    np.testing.assert_allclose(layer.code.edges, edges, rtol=2e-7)
    np.testing.assert_allclose(layer.code.confidences, confidences, rtol=1e-6)
    decoded = layer.decode(layer(y))
    assert (decoded.buckets != buckets).mean() < 1e-3
    np.testing.assert_array_equal(decoded.labels, y.argmax(axis=1))
    np.testing.assert_array_equal(decoded.confidences,
                                  np.array(layer.code.confidences)[decoded.buckets])


def test_confidences_are_calibrated_and_still_tell_errors():
    """On rows that it was not fitted to."""
    layer = ConfidenceBuckets()
    layer.adapt(*validation())
    y, labels = validation(seed=1)
    right = y.argmax(axis=1) == labels
    confidences = layer.decode(layer(y)).confidences
    assert abs(confidences.mean() - right.mean()) < 0.02 < abs(y.max(axis=1).mean() - right.mean())
    clean, coded = ConfidenceAUROC(), ConfidenceAUROC()
    clean.update_state(labels, y)
    coded.update_state(labels, layer(y))
    assert float(coded.result()) > float(clean.result()) - 0.015


def test_without_labels_the_mean_top_probability():
    y, _ = validation()
    layer = ConfidenceBuckets()
    layer.adapt(y)
    buckets = layer.decode(layer(y)).buckets
    for bucket, confidence in enumerate(layer.code.confidences):
        np.testing.assert_allclose(y.max(axis=1)[buckets == bucket].mean(), confidence, rtol=1e-4)


def test_logits_and_probabilities_give_the_same_edges():
    y, labels = validation()
    layers = [ConfidenceBuckets(), ConfidenceBuckets(from_logits=True)]
    layers[0].adapt(y, labels)
    layers[1].adapt(np.log(np.maximum(y, 1e-37)), labels)
    for name in ("edges", "confidences"):
        np.testing.assert_allclose(layers[0].state[name], layers[1].state[name], rtol=1e-5)


def test_a_unit_is_fitted_as_two_classes():
    unit = np.random.default_rng(0).beta(0.3, 0.3, size=(3000, 1))
    labels = (np.random.default_rng(1).random((3000, 1)) < unit).astype("int32")
    layers = [ConfidenceBuckets(), ConfidenceBuckets(multi_label=True), ConfidenceBuckets()]
    layers[0].adapt(unit, labels[:, 0])
    layers[1].adapt(unit, labels)
    layers[2].adapt(np.concatenate([1 - unit, unit], axis=1), labels[:, 0])
    for layer in layers[1:]:
        np.testing.assert_allclose(layer.code.confidences, layers[0].code.confidences, rtol=1e-6)


def test_saturated_rows_in_half_precision():
    """Where most are exactly one-hot, the edges lie between the others and these."""
    y = softmax_rows(3000, 10, 30, 0).astype("float16")
    layer = ConfidenceBuckets()
    layer.adapt(y)
    assert min(layer.code.edges) > 2.0**-24 and layer.decode(layer(y)).buckets.max() == 7


def test_edges_that_coincide_are_merged():
    """And the warning says what is left."""
    y = np.tile(np.float32([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]]), (50, 1))
    layer = ConfidenceBuckets()
    with pytest.warns(UserWarning, match="of 3 bits, 1 are effective"):
        layer.adapt(y)
    assert layer.code.effective_bits == 1 and layer.bits == 3
    layer.decode(layer(y))


@each_kind
def test_ties_with_an_edge_go_up(kind):
    layer = kind(state={"bits": 1, "classes": None, "edges": [0.25], "confidences": [0.6, 0.9]})
    y = np.float32([[0.75, 0.125, 0.125, 0], [0.7499999, 0.125, 0.1250001, 0]])
    assert layer.decode(layer(y)).buckets.tolist() == [1, 0]


@pytest.mark.parametrize("decoys, decimals", [(1, 2), (2, 2), (3, 1), (8, 3)])
@pytest.mark.parametrize("dtype, step", [("float32", 2.0**-24), ("float16", 2.0**-11),
                                         ("bfloat16", 2.0**-8)])
def test_the_decoys(decoys, decimals, dtype, step):
    """The gap is one number, exactly; the label's share rises; every class is a decoy as often."""
    layer = Decoy(1, decoys, decimals, seed=3, dtype=dtype)
    rows = as_float64(layer(np.concatenate([np.eye(10) * p + (1 - p) / 10 for p in (1.0, 0.5)])))
    top = rows.max(axis=1)
    second = -np.sort(-rows, axis=1)[:, 1:decoys + 1]
    gap, = set((top[:, None] - second).ravel().tolist())
    assert 10.0**-decimals <= gap < 10.0**-decimals + 2 * step or gap == 2 * step * top.max()
    assert top[0] > top[-1] and rows[0].min() < rows[-1].min() and rows.min() > 0
    if decimals == 2:
        np.testing.assert_array_equal(rows.round(2).argmax(axis=1), rows.argmax(axis=1))
    is_decoy = np.isclose(rows[:10], second[0, 0], 0, gap / 4)
    assert (is_decoy.sum(axis=0) == decoys).all() and not is_decoy.diagonal().any()


def test_the_seed_chooses_the_decoys_for_good():
    first, same, other = (as_float64(Decoy(seed=seed)(np.eye(10))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
    assert (first[0] > 0.2).nonzero()[0].tolist() == DECOYS_OF_0


# Answers of old must not change.
DECOYS_OF_0 = [0, 4, 9]


@pytest.mark.parametrize("r", (2, 4))
def test_the_order_of_the_first_is_told_in_fixed_shares(r):
    y = np.float32([[0.5, 0.05, 0.2, 0.15, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]])
    answers = as_float64(ConfidenceBuckets(ordered_classes=r, dtype="float64")(y))
    orders = [[0, 2, 3, 4, 1], [0, 1, 2, 3, 4]]
    for row, order, confidence in zip(answers, orders, ConfidenceBuckets().code.confidences * 2):
        parts = np.array([*range(r, 1, -1), *[1] * (5 - r)])
        expected = (1 - row.max()) * parts / parts.sum()
        np.testing.assert_allclose(row[order][1:], expected, rtol=1e-6)


def test_classes_without_probability_have_an_order_too():
    """That of their indices, behind the label."""
    z = np.float32([[-np.inf, 0, -np.inf, -np.inf, -np.inf]])
    layer = ConfidenceBuckets(ordered_classes=3, from_logits=True)
    answer, = as_float64(layer(z))
    np.testing.assert_array_equal(np.argsort(-answer, kind="stable"), [1, 0, 2, 3, 4])
    assert len(set(answer)) == 4


@each_kind
def test_a_state_in_a_file(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer = kind(2)
    layer.adapt(*validation())
    (tmp_path / "state.json").write_text(json.dumps(layer.state))
    name = {"ConfidenceBuckets": "confidence_buckets", "Decoy": "decoy"}[kind.__name__]
    made = make_defence(f"{name}:state=state.json")
    assert made.state == layer.state and made.bits == 2
    assert kind.from_config(made.get_config()).get_config() == made.get_config()
    for content in ("", "[]", "{}", '{"bits": 9}'):
        (tmp_path / "state.json").write_text(content)
        with pytest.raises(ValueError, match="`state` must be a readable JSON file"):
            make_defence(f"{name}:state=state.json")
    with pytest.raises(ValueError, match="`state` must be a readable JSON file"):
        make_defence(f"{name}:state=absent.json")


@each_kind
def test_the_table_decodes_in_any_language(kind):
    """By what its docstring says, and by way of JSON."""
    layer = kind()
    y, labels = validation()
    layer.adapt(y, labels)
    table = json.loads(json.dumps(layer.table()))
    for row, label, confidence in zip(as_float64(layer(y[:200])),
                                      *layer.decode(layer(y[:200]))[::2]):
        distances = [abs(max(row) - share) for share in table["label_shares"]]
        assert min(distances) < table["tolerance"] and list(row).index(max(row)) == label
        assert table["confidences"][distances.index(min(distances))] == confidence
    with pytest.raises(ValueError, match="`classes` must be given"):
        kind().table()


@each_kind
def test_what_is_no_answer_is_not_decoded(kind):
    layer = kind()
    answers = as_float64(layer(softmax_rows(20, 10, 3, 0)))
    rounded = layer.decode(answers + 0.4 * layer.table(10)["tolerance"])
    np.testing.assert_array_equal(rounded.confidences, layer.decode(answers).confidences)
    for wrong in (softmax_rows(20, 10, 3, 0), answers.round(1), answers * np.nan,
                  answers[:, ::-1] * 1.1, answers + 1.1 * layer.table(10)["tolerance"]):
        with pytest.raises(ValueError, match="`answers` must be answers of this layer"):
            layer.decode(wrong)


def test_answers_of_one_confidence_may_be_rounded():
    """Buckets that a fit gives one confidence are told apart by a step of float32, and say one."""
    state = {"bits": 2, "classes": 10, "edges": [0.5, 0.25, 0.125],
             "confidences": [0.6, 0.8, 0.8, 0.9]}  # yapf: disable
    layer = ConfidenceBuckets(state=state)
    answers = as_float64(layer(softmax_rows(200, 10, 2, 0)))
    assert len(np.unique(answers.max(axis=1))) == 4 and layer.table()["tolerance"] > 0.01
    exact, rounded = layer.decode(answers), layer.decode(answers.round(3))
    np.testing.assert_array_equal(rounded.confidences, exact.confidences)
    np.testing.assert_array_equal(rounded.labels, exact.labels)
    assert set(exact.buckets) == {0, 1, 2, 3}


Y = softmax_rows(300, 10, 3, 0)


def all_wrong():
    y = np.tile(Y, (5, 1))
    return y, (y.argmax(axis=1) + 1) % 10


STATE = {"bits": 1, "classes": 10, "edges": [0.25], "confidences": [0.6, 0.9]}


@pytest.mark.parametrize("call, message", [
    (lambda kind: kind(bits=9), "`bits` must be an integer from 0 to 8"),
    (lambda kind: kind(bits=-1), "`bits` must be an integer from 0 to 8"),
    (lambda kind: kind(bits=True), "`bits` must be an integer from 0 to 8"),
    (lambda kind: kind().adapt(np.full((3, 10), np.nan)), "`probabilities` must be finite"),
    (lambda kind: kind().adapt(Y[:0]), "must have a row or more"),
    (lambda kind: kind().adapt(np.log(Y + 1e-9)), "must be probabilities, not logits"),
    (lambda kind: kind(from_logits=True).adapt(Y), "must be logits"),
    (lambda kind: kind(state=STATE)(Y[:, :5]), "was fitted to 10 classes"),
    (lambda kind: kind().adapt(Y, np.full(300, 10)), "`labels` must be classes from 0 to 9"),
    (lambda kind: kind().adapt(*all_wrong()), "more often than chance"),
    (lambda kind: kind(state={**STATE, "edges": [0.25, 0.2]}), "at most 1 edges"),
    (lambda kind: kind(state={**STATE, "edges": []}), "one confidence more than edges"),
    (lambda kind: kind(state={**STATE, "edges": [0.1]}), "normal numbers of float32"),
    (lambda kind: kind(state={**STATE, "edges": ["a"]}), "must have numbers"),
    (lambda kind: kind(state={**STATE, "confidences": [0.9, 0.6]}), "rising confidences"),
    (lambda kind: kind(state={"bits": 1}), "`state` must have the keys"),
    (lambda kind: kind(state=5), "`state` must have the keys"),
    (lambda kind: kind(state=b"a"), "`state` must have the keys"),
    (lambda kind: kind.from_config({**kind().get_config(), "state": 5}), "must have the keys"),
    (lambda kind: kind(state=STATE).table(5), "`classes` must be 10, the number that the layer"),
    (lambda kind: kind(state=STATE).table(0), "`classes` must be an integer of 2 or more"),
    (lambda kind: kind().table(10.0), "`classes` must be an integer of 2 or more"),
    (lambda kind: kind(8, dtype="bfloat16")(Y), "must differ in bfloat16"),
])  # yapf: disable
@each_kind
def test_what_is_refused_of_both(kind, call, message):
    with pytest.raises(ValueError, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(kind)


LOW = {**STATE, "confidences": [0.1, 0.9]}


@pytest.mark.parametrize("call, message", [
    (lambda: ConfidenceBuckets(state=LOW)(Y), "must be above 1 / classes"),
    (lambda: ConfidenceBuckets(ordered_classes=10)(Y), "must be below the number of classes"),
    (lambda: ConfidenceBuckets(ordered_classes=0), "`ordered_classes` must be an integer of 1"),
    (lambda: ConfidenceBuckets(ordered_classes=2, multi_label=True)(Y), "2 for sigmoid units"),
    (lambda: ConfidenceBuckets(ordered_classes=2)(Y[:, :1]), "2 for sigmoid units"),
    (lambda: Decoy(decoys=9)(Y), "`decoys` must be below the number of classes by 2"),
    (lambda: Decoy(decoys=1)(Y[:, :2]), "`decoys` must be below the number of classes by 2"),
    (lambda: Decoy(decoys=1)(Y[:, :1]), "`decoys` must be below the number of classes by 2"),
    (lambda: Decoy(decoys=2).table(3), "`decoys` must be below the number of classes by 2"),
    (lambda: ConfidenceBuckets(ordered_classes=3).table(3), "must be below the number of classes"),
    (lambda: Decoy(decoys=0), "`decoys` must be an integer of 1 or more"),
    (lambda: Decoy(decimals=0), "`decimals` must be an integer from 1 to 7"),
    (lambda: Decoy(seed=-1), "`seed` must be an integer of 0 or more"),
    (lambda: Decoy(multi_label=True), "multi_label"),
])  # yapf: disable
def test_what_is_refused_of_one(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("rows, error", [(all_wrong(), ValueError),
                                         ((np.tile(Y[:1], (30, 1)),), UserWarning)])
def test_a_refused_fit_changes_nothing(rows, error):
    """Nor does one that a warning ends."""
    layer = ConfidenceBuckets()
    layer.adapt(Y)
    before = layer.state
    with pytest.raises(error), warnings.catch_warnings():
        warnings.simplefilter("error")
        layer.adapt(*rows)
    assert layer.state == before


@each_kind
def test_a_configuration_has_one_number_of_bits(kind):
    """That of its state, if it has one."""
    layer = kind.from_config({**kind(bits=3).get_config(), "state": kind(bits=5).state})
    assert layer.bits == layer.code.bits == 5
    assert kind.from_config({"bits": 2}).state == kind(bits=2).state
