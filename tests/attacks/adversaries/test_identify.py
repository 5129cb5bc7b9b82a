"""The thief that finds out which defence it faces."""
import keras
import numpy as np
import pytest

from attacks.adversaries import identify
from attacks.adversaries.guess import Guess
from attacks.adversaries.identification import candidates
from attacks.adversaries.identification import Simulations
from attacks.grid.registries import ADVERSARIES
from attacks.queries.sample import Sample
from models.inference import log_softmax
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries.flattened import Flattened
from tests.attacks.thieves import ask
from tests.attacks.thieves import steal


def rows(count, seed, temperature=1.0, num_classes=10):
    """Outputs of a model as confident as most: 0.96 on average at a temperature of 1."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(count, num_classes))
    logits[np.arange(count), np.arange(count) % num_classes] += rng.uniform(5, 20, count)
    return np.exp(log_softmax(logits / temperature)).astype(np.float32)


@pytest.fixture(scope="module")
def simulations():
    """Of a clone that is less confident than the victim."""
    return Simulations(rows(256, 0, temperature=1.4))


@pytest.mark.parametrize("member", [
    member for member in candidates()
    if "reverse" not in member or member.endswith(("beta=0.25:gamma=0.05", "beta=1.0:gamma=0.2"))
])
def test_each_candidate_is_identified_by_its_answers_alone(simulations, member):
    answers = np.array(Guess(member=member).layer("none")(rows(300, 1)))
    assert simulations.explain(answers) == member


@pytest.mark.parametrize("deployed, found", [
    ("random_noise:seed=3:scale=.1", "random_noise:scale=0.1"),
    ("reverse_sigmoid:beta=.72:gamma=.21", "reverse_sigmoid:beta=0.75:gamma=0.2"),
    ("top_k:k=1", "label_only"),
])
def test_the_nearest_strength_of_the_grid_is_found(simulations, deployed, found):
    answers = np.array(DEFENCES.make(deployed)(rows(300, 2)))
    assert simulations.explain(answers).startswith(found)


@pytest.mark.parametrize("deployed, found", [
    ("confidence_buckets", "confidence_buckets"),
    ("confidence_buckets:bits=1", "confidence_buckets"),
    ("confidence_buckets:ordered_classes=3", "confidence_buckets"),
    ("decoy", "decoy"),
    ("decoy:decoys=1:bits=2", "decoy"),
    ("decoy:decoys=3", "decoy"),
])
@pytest.mark.parametrize("fitted_at", [None, 1.0, 3.0])
@pytest.mark.parametrize("count", [20, 300])
def test_a_coded_defence_is_identified_whatever_it_was_fitted_to(simulations, deployed, found,
                                                                 fitted_at, count):
    layer = DEFENCES.make(deployed)
    if fitted_at:
        clean = rows(500, 3, fitted_at)
        layer.adapt(clean, np.arange(500) % 10)
    assert simulations.explain(np.array(layer(rows(count, 2)))) == found


def test_a_defence_from_outside_is_a_candidate_over_its_declared_range(monkeypatch):
    monkeypatch.setitem(DEFENCES._factories, "flattened", Flattened)
    answers = np.array(Flattened(0.2)(rows(300, 1)))
    assert Simulations(rows(100, 0)).explain(answers) == "flattened:amount=0.2"


def test_a_candidate_that_needs_more_classes_is_left_out():
    answers = rows(40, 1, num_classes=3)
    assert Simulations(rows(20, 0, num_classes=3)).explain(answers) == "none"


def test_the_coarsest_rounding_that_leaves_answers_as_they_are_explains_them(simulations):
    answers = np.float32([[0.999, 0.001] + [0] * 8])
    assert simulations.explain(answers.repeat(300, axis=0)) == "rounding:decimals=3"


@pytest.mark.parametrize("found, same_as", [
    ("none", "probabilities"),
    ("label_only", "labels"),
    pytest.param("reverse_sigmoid:beta=0.5:gamma=0.5",
                 "aware:guess=reverse_sigmoid:guess_beta=.5:guess_gamma=.5",
                 marks=pytest.mark.slow),
    ("rounding:decimals=1", "bayes:guess=rounding"),
])
def test_the_answers_are_then_read_by_the_thief_who_knows_the_defence(monkeypatch, found, same_as):
    seen = []

    class Found:
        nbytes = 0

        def __init__(self, outputs):
            seen.append(outputs)

        def explain(self, answers):
            return found

    monkeypatch.setattr(identify, "Simulations", Found)
    thief, oracle = steal(Sample(), 12, adversary=ADVERSARIES.make("identify"))
    assert np.isin(thief.targets, (0, 1)).all() and oracle.queries_used == 12
    clone = thief.clone()
    assert clone.learned == {"identified": found} == clone.describe()["learned"]
    assert clone.steps == 30 and len(seen[0]) == 60 - 12
    known, _ = steal(Sample(), 12, adversary=ADVERSARIES.make(same_as))
    for ours, theirs in zip(clone.weights, known.clone().weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_answers_are_simulated_once_for_all_thieves_with_equal_clones(monkeypatch):
    made = []
    monkeypatch.setattr(identify, "Simulations",
                        lambda outputs: made.append(outputs) or Simulations(outputs))
    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("identify"))
    first, second = thief.clone(), thief.clone()
    assert len(made) == 1 and first.learned == second.learned


@keras.saving.register_keras_serializable(package="identify")
class Endless(Flattened):
    """A user's own defence with a parameter that has no highest value."""
    ranges = {"amount": (0.0, float("inf"))}


@pytest.mark.parametrize("defence, at, learns", [
    (Flattened, 0.4, True),
    pytest.param(Flattened, 0.8, False, marks=pytest.mark.slow),
    pytest.param(Flattened, 0.0, False, marks=pytest.mark.slow),
    (Flattened, 1e-60, False),
    pytest.param(Endless, 0.4, False, marks=pytest.mark.slow),
])
def test_a_strength_is_learned_unless_it_has_no_room_to_either_side(monkeypatch, defence, at,
                                                                    learns):
    """A default at an end of its range is a candidate like others."""
    monkeypatch.setitem(DEFENCES._factories, "flat", lambda amount=at: defence(amount))
    monkeypatch.setattr(Simulations, "explain", lambda self, answers: "flat")
    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("identify:learn=true"))
    learned = thief.clone().learned
    assert learned.pop("identified") == "flat" and ("amount" in learned) == learns


def test_without_a_pool_the_outputs_are_those_for_the_queries(monkeypatch):
    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("identify"), predict=ask)
    pool = thief.pools.own
    np.testing.assert_array_equal(identify._unqueried(pool[:0], pool[:5]), pool[:5])
    np.testing.assert_array_equal(identify._unqueried(pool[:9], pool[3:5]),
                                  pool[[0, 1, 2, 5, 6, 7, 8]])


def test_it_knows_nothing_of_the_deployed_defence():
    for defence in (*DEFENCES.names, "as_served"):
        assert ADVERSARIES.make("identify").unfit(defence) is None
