"""The evaluator's figures equal those computed by hand."""
from concurrent import futures

import keras
import numpy as np
import pytest

from attacks.clone.clone import Clone
from attacks.clone.shared_model import SharedModel
from attacks.evaluation import agreement
from attacks.evaluation import evaluator as evaluators
from attacks.evaluation.evaluator import Evaluator
from attacks.oracle.defended_victim import DefendedVictim
from attacks.oracle.defended_victim import DefendedVictims
from models.data.splits import Rows
from models.data.splits import Splits
from models.victim import Victim

INPUTS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
TRUTH = np.arange(40) % 3


def linear(scale, classes=3):
    """A victim whose logits are its inputs, scaled."""
    inputs = keras.Input((classes,), name="inputs")
    logits = keras.layers.Rescaling(scale, name="logits")(inputs)
    return Victim(keras.Model(inputs, keras.layers.Softmax()(logits)), {})


def logits_of(victim):
    return keras.Model(victim.model.input, victim.model.get_layer("logits").output)


def evaluator(victim):
    rows = Rows(INPUTS, TRUTH)
    return Evaluator(DefendedVictims(victim),
                     Splits(0, rows, rows, rows, Rows(INPUTS[:10], TRUTH[:10]), rows), 0.1,
                     (-4.0, 4.0))


def clone_of(model, digest="a clone", **options):
    """A clone that answers as a model does."""
    return Clone(SharedModel(model), model.get_weights(), **{
        "steps": 1,
        "train_seconds": 0.0,
        "curve": (),
        "digest": digest,
        **options
    })


def measured(victim, defence, clone_model):
    return evaluator(victim).measure(clone_of(clone_model), defence, INPUTS)


def test_the_victim_agrees_with_itself_and_a_constant_clone_as_often_as_its_class_is_given():
    victim = linear(5.0)
    itself = measured(victim, "reverse_sigmoid", logits_of(victim))
    assert (itself["agreement_clean"], itself["agreement_defended"]) == (1, 1)
    assert itself["agreement_validation"] == 1 and itself["agreement_held_out"] is None
    assert itself["clone_kl_nats"] == pytest.approx(0, abs=1e-12)
    inputs = keras.Input((3,))
    constant = keras.Model(inputs, keras.ops.zeros_like(inputs))
    figures = measured(victim, "none", constant)
    assert figures["agreement_clean"] == np.mean(INPUTS.argmax(axis=1) == 0)
    assert figures["agreement_validation"] == np.mean(INPUTS[:10].argmax(axis=1) == 0)
    assert figures["clone_accuracy"] == np.mean(TRUTH == 0)
    assert figures["victim_accuracy_clean"] == np.mean(INPUTS.argmax(axis=1) == TRUTH)


def test_the_divergence_of_a_clone_is_of_the_clone_from_the_victim():
    victim, clone = (np.log(keras.ops.softmax(INPUTS * scale)) for scale in (5, 1))
    figures = measured(linear(5.0), "reverse_sigmoid", logits_of(linear(1.0)))
    expected = np.sum(np.exp(victim) * (victim - clone), axis=1).mean()
    assert figures["clone_kl_nats"] == pytest.approx(expected, rel=1e-5)


def test_equal_clones_are_examined_once():
    judge, clone = evaluator(linear(5.0)), clone_of(logits_of(linear(1.0)))
    one = judge.examined(clone)
    figures = [judge.measure(clone, defence, INPUTS) for defence in ("none", "top_k")]
    assert judge.examined(
        clone) is one and figures[0]["agreement_clean"] == figures[1]["agreement_clean"]


@pytest.mark.parametrize("held_out, expected", [(None, 0.25), (0.5, 1.0)])
def test_the_last_watched_agreement_of_a_finished_clone_is_not_computed_again(held_out, expected):
    curve = ((2, 0.5), (4, 0.25))
    clone = clone_of(logits_of(linear(1.0)), steps=4, curve=curve, agreement_held_out=held_out)
    figures = evaluator(linear(5.0)).measure(clone, "none", INPUTS)
    assert figures["agreement_validation"] == expected


def test_few_examined_clones_are_remembered(monkeypatch):
    monkeypatch.setattr(agreement, "_REMEMBERED", 2)
    judge, model = evaluator(linear(5.0)), logits_of(linear(1.0))
    found = [(name, judge.examined(clone_of(model, name))) for name in "abacba"]
    distinct = {id(examined): name for name, examined in reversed(found)}
    assert sorted(distinct.values()) == ["a", "a", "b", "c"]


@pytest.mark.parametrize("scale", [5.0, 200.0], ids=["soft", "saturated"])
def test_the_distortion_is_that_of_the_formulas_in_float64(scale):
    victim = linear(scale)
    answers = DefendedVictim(victim, "reverse_sigmoid").predict(INPUTS).astype(np.float64)
    logits = (INPUTS * np.float32(scale)).astype(np.float64)
    log_clean = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    clean = np.exp(log_clean)
    distortion = DefendedVictim(victim, "reverse_sigmoid").distortion(INPUTS)
    forward = np.sum(clean * (log_clean - np.log(answers)), axis=1).mean()
    backward = np.sum(answers * (np.log(answers) - log_clean), axis=1).mean()
    np.testing.assert_allclose(distortion["distortion_kl_nats"], forward, rtol=1e-9)
    np.testing.assert_allclose(distortion["distortion_kl_reverse_nats"], backward, rtol=1e-9)
    np.testing.assert_allclose(distortion["distortion_kl_bits"], forward / np.log(2), rtol=1e-9)
    np.testing.assert_allclose(distortion["distortion_l1"],
                               np.abs(clean - answers).sum(axis=1).mean())
    assert distortion["label_changes"] == 0


@pytest.mark.parametrize("scale", [1.0, 200.0], ids=["soft", "saturated"])
def test_without_a_defence_there_is_no_distortion_even_where_answers_round_to_zero(scale):
    distortion = DefendedVictim(linear(scale), "none").distortion(INPUTS)
    assert set(distortion.values()) == {0}


def test_the_literal_formula_changes_labels_and_the_figures_say_so():
    figures = measured(linear(30.0), "reverse_sigmoid:beta=1.5:preserve_top1=false",
                       logits_of(linear(30.0)))
    assert figures["label_changes"] == figures["label_changes_test"] > 0
    assert figures["agreement_clean"] == 1
    assert figures["agreement_defended"] == pytest.approx(1 - figures["label_changes_test"] / 40)


def test_an_infinite_divergence_is_none():
    distortion = DefendedVictim(linear(1.0), "label_only").distortion(INPUTS)
    assert distortion["distortion_kl_nats"] is None and distortion["distortion_kl_bits"] is None
    assert distortion["distortion_kl_reverse_nats"] > 0


def test_a_defended_victim_is_made_once():
    victims = DefendedVictims(linear(1.0))
    assert victims.under("none") is victims.under("none")
    assert victims.under("none") is not victims.under("top_k")


def test_threads_that_ask_at_once_have_the_answers_measured_once(monkeypatch):
    victim, measured_once, calls = linear(1.0), evaluators.utility, []
    monkeypatch.setattr(evaluators, "utility",
                        lambda *answers: calls.append(1) or measured_once(*answers))
    one, clone = evaluator(victim), clone_of(logits_of(victim))
    with futures.ThreadPoolExecutor(4) as threads:
        metrics = list(threads.map(lambda _: one.measure(clone, "label_only", INPUTS), range(4)))
    assert len(calls) == 1 and metrics == 4 * metrics[:1]
