"""The reader that knows what the victim answers elsewhere, and the look-up of codes."""
import numpy as np
import pytest

from attacks.adversaries.adversary import Adversary
from attacks.adversaries.adversary import Known
from attacks.adversaries.bayes import Bayes
from attacks.adversaries.recovery.code_lookup import CodeMeans
from attacks.adversaries.recovery.simulation import Pairs
from attacks.clone.transfer_set import one_hot_labels
from attacks.evaluation.agreement import AgreementEvaluator
from attacks.grid.cell import Cell
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.sample import Sample
from attacks.schedule import theft
from attacks.targets.target import Target
from models.data.splits import Rows
from revsig_keras.defences.catalogue import make_defence
from tests.attacks import thieves
from tests.attacks.adversaries.coded import CLASSES
from tests.attacks.adversaries.coded import codes
from tests.attacks.adversaries.coded import deployed
from tests.attacks.adversaries.coded import MEMBERS
from tests.attacks.adversaries.coded import rows

# Inputs from which the victim's clean output is read off.
POOL = np.random.default_rng(3).random((300, 8, 8, 1)).astype(np.float32)
CLEAN = rows(300, 4)
PLACES = {row.tobytes(): place for place, row in enumerate(POOL)}


def clean(inputs):
    return CLEAN[[PLACES[row.tobytes()] for row in inputs]]


def targets_of(monkeypatch, adversary, member, state="", budget=40, pool=POOL, known=None):
    """The inputs, the answers and the targets on which the clone is trained."""
    seen = []
    monkeypatch.setattr(thieves.Workshop, "train", lambda self, training: seen.append(training))
    layer = make_defence(member)
    if state:
        layer = deployed(member)[0]
    oracle = LocalOracle(lambda x: clean(x) if layer is None else np.array(layer(clean(x))), budget)
    thief, _ = thieves.make_thief(budget, adversary=adversary, pools=Pools(POOL, (0., 1.)),
                                  num_classes=CLASSES)  # yapf: disable
    thief._oracle, thief._known = oracle, known or Known(
        member, pool, 0, defence_state=state, clean=clean)
    Sample().steal(thief)
    np.testing.assert_array_equal(
        thief.targets,
        thief.transfer_set().answers
        if member == "none" else one_hot_labels(thief.transfer_set().answers))
    thief.clone()
    return seen[-1].transfer_set


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("prior", [5, 0.5])
def test_coded_answers_become_means_over_inputs_that_were_not_asked(monkeypatch, member, prior):
    adversary = ADVERSARIES.make(f"posterior_mean:prior_rows={prior}")
    paid = targets_of(monkeypatch, adversary, member, deployed(member)[1])
    asked = {row.tobytes() for row in paid.inputs}
    others = CLEAN[[place for row, place in PLACES.items() if row not in asked]]
    assert len(others) == 260
    layer = deployed(member)[0]
    answers = np.array(layer(others))
    _, buckets = codes(member, answers)
    order, ordered = np.sort(others, axis=1)[:, ::-1], layer.ordered_classes
    for target, answer, bucket in zip(paid.targets, paid.answers, codes(member, paid.answers)[1]):
        same = others[(answers == answer).all(axis=1)]
        by_place = order[buckets == bucket].mean(axis=0)
        by_place[ordered:] = by_place[ordered:].mean()
        mean = np.empty(CLASSES)
        mean[np.argsort(-answer, kind="stable")] = by_place
        expected = (same.sum(axis=0) + prior * mean) / (len(same) + prior)
        np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(paid.targets.sum(axis=1), 1, rtol=1e-5)


def test_without_other_inputs_a_code_is_decoded(monkeypatch):
    for pool in (POOL[:0], None):
        paid = targets_of(monkeypatch, ADVERSARIES.make("posterior_mean"), "decoy",
                          deployed("decoy")[1], pool=POOL[:0])  # yapf: disable
        decoded = deployed("decoy")[0].decode(paid.answers)
        np.testing.assert_allclose(paid.targets.max(axis=1), decoded.confidences, rtol=1e-6)
        np.testing.assert_array_equal(paid.targets.argmax(axis=1), decoded.labels)


@pytest.mark.parametrize("member", ["reverse_sigmoid:beta=.5", "rounding", "label_only", "top_k"])
def test_other_answers_become_means_over_inputs_with_close_answers(monkeypatch, member):
    paid = targets_of(monkeypatch, ADVERSARIES.make("posterior_mean:tolerance=.03"), member)
    asked = {row.tobytes() for row in paid.inputs}
    others = CLEAN[[place for row, place in PLACES.items() if row not in asked]]
    answers = np.array(make_defence(member)(others))
    for target, answer in zip(paid.targets, paid.answers):
        same = answers.argmax(axis=1) == answer.argmax()
        distances = np.abs(answers.astype(np.float64) - answer).sum(axis=1)
        near = same & (distances <= max(0.03, distances[same].min()) + 1e-9)
        np.testing.assert_allclose(target, others[near].mean(axis=0), rtol=1e-4, atol=1e-6)


def test_undefended_answers_are_taken_as_they_are(monkeypatch):
    paid = targets_of(monkeypatch, ADVERSARIES.make("posterior_mean"), "none")
    np.testing.assert_array_equal(paid.targets, paid.answers)


def test_without_other_inputs_and_codes_labels_are_read(monkeypatch):
    paid = targets_of(monkeypatch, ADVERSARIES.make("posterior_mean"), "rounding", pool=POOL[:0])
    np.testing.assert_array_equal(paid.targets, one_hot_labels(paid.answers))


def target(**parts):
    labels = CLEAN.argmax(axis=1)
    evaluator = AgreementEvaluator(Rows(POOL[:9], labels[:9]), labels[:9],
                                   Rows(POOL[9:20], labels[9:20]), labels[9:20])
    return Target(lambda defence, budget: LocalOracle(clean, budget), evaluator, **parts)


def test_only_the_reader_that_declares_it_is_given_clean_outputs(monkeypatch):
    seen, known = [], theft.Known
    monkeypatch.setattr(theft, "Known", lambda *args: seen.append(known(*args)) or seen[-1])
    assert not Adversary.sees_clean
    workshop = thieves.Workshop(thieves.Recipe("mlp", steps=2), thieves.trainer((8, 8, 1), CLASSES))
    for name in ADVERSARIES.names:
        adversary = ADVERSARIES.make(name)
        assert adversary.sees_clean == (name == "posterior_mean")
        if name in ("labels", "posterior_mean"):
            theft.steal(Cell("none", "sample", name, 10, 0), Pools(POOL, (0., 1.)),
                        target(clean=clean), workshop, None)  # yapf: disable
    assert [each.clean for each in seen] == [None, clean]


def test_it_is_left_out_where_clean_outputs_are_not_known():
    reason = "posterior_mean: the victim's clean outputs are not known"
    assert target().unfit(Cell("rounding", "sample", "posterior_mean", 10, 0)) == reason
    assert target(clean=clean).unfit(Cell("rounding", "sample", "posterior_mean", 10, 0)) is None
    served = Cell("as_served", "sample", "posterior_mean", 10, 0)
    for made in (target(), target(clean=clean)):
        assert made.unfit(served).startswith(reason)
    assert served.unfit() == f"{reason} behind an endpoint"


@pytest.mark.parametrize("member, message", [
    ("posterior_mean:prior_rows=0", "`prior_rows` must be above 0. Received: 0.0"),
    ("posterior_mean:tolerance=-1", "`tolerance` must be at least 0. Received: -1.0"),
])
def test_options_out_of_range_are_refused(member, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(member)


@pytest.mark.parametrize("member", MEMBERS)
def test_bayes_looks_codes_up_exactly(member):
    """With a tolerance of .01 it merged codes that differ by .004."""
    layer, state = deployed(member)
    simulated = rows(3000, 5)
    answers = np.array(layer(simulated))
    recovered = Bayes().undo(Pairs(simulated, answers), layer, 0, None)(answers[:50])
    labels, _ = codes(member, answers)
    for place in range(50):
        same = (answers == answers[place]).all(axis=1)
        np.testing.assert_allclose(recovered[place], simulated[same].mean(axis=0), rtol=1e-4)
    known = Known(member, POOL, 0, defence_state=state)
    read = Bayes(pairs=20_000).read(answers[:50], known)
    np.testing.assert_array_equal(read.argmax(axis=1), labels[:50])
    thief = ADVERSARIES.make("semi_supervised:targets=recovered")
    assert thief.needs == thief.keeps == "probabilities" and thief.unfit(member) is None
    np.testing.assert_allclose(thief.read(answers[:50], known),
                               Bayes().read(answers[:50], known), rtol=1e-5)  # yapf: disable


@pytest.mark.parametrize("member", MEMBERS)
def test_a_code_that_was_not_simulated_is_decoded(member):
    layer, _ = deployed(member)
    answers = np.array(layer(rows(50, 6)))
    unsure = rows(9, 7) * 0.01 + 0.99 / CLASSES
    recovered = CodeMeans(Pairs(unsure, np.array(layer(unsure))), layer, 0)(answers)
    decoded = layer.decode(answers)
    is_sure = decoded.buckets > 0
    np.testing.assert_allclose(recovered.max(axis=1)[is_sure], decoded.confidences[is_sure],
                               rtol=1e-6)  # yapf: disable
    np.testing.assert_array_equal(recovered.argmax(axis=1), decoded.labels)
    np.testing.assert_allclose(recovered.sum(axis=1), 1, rtol=1e-5)
    if "ordered" in member:
        rest = [np.where(rows == rows.max(axis=1, keepdims=True), 0, rows)[is_sure]
                for rows in (recovered, answers)]  # yapf: disable
        rest = [rows / rows.sum(axis=1, keepdims=True) for rows in rest]
        np.testing.assert_allclose(*rest, rtol=1e-3)


def test_recovered_targets_need_a_defence_that_is_known():
    reason = ADVERSARIES.make("semi_supervised:targets=recovered").unfit("as_served")
    assert reason.startswith("semi_supervised:targets=recovered, as bayes: an endpoint does not")
