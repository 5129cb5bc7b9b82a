"""What a thief makes of coded answers without knowing what the defence was fitted to."""
import numpy as np
import pytest

from attacks.adversaries import identify
from attacks.adversaries.code_reconstruction import reconstruct
from attacks.adversaries.identification import Simulations
from attacks.adversaries.through_code import ThroughCode
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.defences import layer_of
from attacks.queries.pools import Pools
from attacks.queries.sample import Sample
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries.coded import CLASSES
from tests.attacks.adversaries.coded import codes
from tests.attacks.adversaries.coded import deployed
from tests.attacks.adversaries.coded import rows
from tests.attacks.thieves import steal
from tests.revsig_keras.defences.strangers import Prior

HONEST = ("confidence_buckets", "confidence_buckets:bits=0", "confidence_buckets:ordered_classes=3")


class Found:
    """Explains all answers by one defence."""
    nbytes = 0

    def __init__(self, member):
        self._member = member

    def explain(self, answers):
        return self._member


@pytest.mark.parametrize("count", [3, 40, 2000])
@pytest.mark.parametrize("member", HONEST)
def test_labels_buckets_and_confidences_are_those_of_the_answers(member, count):
    answers = np.array(deployed(member)[0](rows(count, 11)))
    layer = layer_of("confidence_buckets", reconstruct(answers))
    _, buckets = codes(member, answers)
    _, ranks = np.unique(buckets, return_inverse=True)
    confidences = np.array(layer.code.confidences)
    np.testing.assert_array_equal(confidences[ranks], answers.max(axis=1).astype(np.float64))
    shares = np.array(layer.table(CLASSES)["label_shares"])
    np.testing.assert_array_equal(shares[ranks], confidences[ranks])
    middles = np.zeros([len(confidences), CLASSES], np.float32)
    middles[:, 0], middles[:, 1] = confidences, 1 - confidences
    np.testing.assert_array_equal(layer.decode(np.array(layer(middles))).buckets,
                                  np.arange(len(confidences)))  # yapf: disable


def test_answers_that_are_no_codes_have_no_state():
    assert reconstruct(rows(300, 1)) is None


@pytest.mark.parametrize("member, found, objective", [
    ("confidence_buckets", "confidence_buckets", True),
    ("decoy", "decoy", False),
    ("none", "confidence_buckets", False),
])
def test_the_thief_trains_by_the_likelihood_of_what_it_reconstructs(monkeypatch, member, found,
                                                                    objective):
    seen, losses = set(), ThroughCode._losses
    monkeypatch.setattr(identify, "Simulations", lambda outputs: Found(found))
    monkeypatch.setattr(ThroughCode, "_losses",
                        lambda self, *args: seen.add(self) or losses(self, *args))
    clean = rows(300, 13)
    answers = clean if member == "none" else np.array(deployed(member)[0](clean))
    pool = np.random.default_rng(0).random((300, 8, 8, 1), np.float32)
    thief, _ = steal(Sample(), 300, adversary=ADVERSARIES.make("identify"), num_classes=CLASSES,
                     pools=Pools(pool, (0., 1.)), predict=lambda x: answers)  # yapf: disable
    assert thief.clone().learned == {"identified": found}
    state = reconstruct(thief.transfer_set().answers)
    assert seen == ({ThroughCode(found, state)} if objective else set())


@pytest.mark.slow
def test_a_defence_that_has_to_be_fitted_is_fitted_to_the_thiefs_clone(monkeypatch):
    """It ended the run: nothing can be simulated before."""
    monkeypatch.setitem(DEFENCES._factories, "prior", Prior)
    outputs = rows(200, 14)
    layer = Simulations(outputs)._layers["prior"]
    np.testing.assert_allclose(layer.state["mean"], outputs.mean(axis=0), rtol=1e-5)
    monkeypatch.setattr(identify, "Simulations", lambda outputs: Found("prior"))
    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("identify"), num_classes=CLASSES,
                     predict=lambda x: rows(len(x), 13))  # yapf: disable
    assert thief.clone().learned == {"identified": "prior"}
    assert ADVERSARIES.make("aware").unfit("prior") is None
    reason = "what the guessed prior was fitted to is not known"
    for name in ("aware", "bayes", "learned_recovery"):
        assert ADVERSARIES.make(f"{name}:guess=prior").unfit("none").endswith(reason)
