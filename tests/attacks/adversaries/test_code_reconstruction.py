"""What a thief makes of coded answers without knowing what the defence was fitted to."""
import json

import numpy as np
import pytest

from attacks.adversaries import identify
from attacks.adversaries.code_reconstruction import reconstruct
from attacks.adversaries.identification import Simulations
from attacks.adversaries.through_code import ThroughCode
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.defences import layer_of
from attacks.queries.sample import Sample
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries.coded import CLASSES
from tests.attacks.adversaries.coded import codes
from tests.attacks.adversaries.coded import deployed
from tests.attacks.adversaries.coded import MEMBERS
from tests.attacks.adversaries.coded import rows
from tests.attacks.thieves import steal
from tests.revsig_keras.defences.strangers import Prior


class Found:
    """Explains all answers by one defence."""
    nbytes = 0

    def __init__(self, member):
        self._member = member

    def explain(self, answers):
        return self._member


@pytest.mark.parametrize("count", [3, 40, 2000])
@pytest.mark.parametrize("member", MEMBERS)
def test_labels_and_buckets_are_those_of_the_answers(member, count):
    answers, outputs = np.array(deployed(member)[0](rows(count, 11))), rows(1000, 12)
    layer = layer_of(*reconstruct(answers, outputs))
    labels, buckets = codes(member, answers)
    _, ranks = np.unique(buckets, return_inverse=True)
    shares = np.array(layer.table(CLASSES)["label_shares"])
    np.testing.assert_array_equal(answers.max(axis=1), shares[ranks].astype(np.float32))
    own = layer.decode(np.array(layer(outputs)))
    np.testing.assert_array_equal(own.labels, outputs.argmax(axis=1))
    fractions = [np.bincount(x, minlength=len(shares)) / len(x) for x in (ranks, own.buckets)]
    np.testing.assert_allclose(*fractions, atol=0.005)
    assert len(labels) == count


def test_a_clone_whose_outputs_are_all_alike_leaves_edges_that_fall():
    answers = np.array(deployed("decoy")[0](rows(100, 11)))
    for row in ([1, 0, 0, 0, 0, 0], [1 / 6] * 6):
        layer = layer_of(*reconstruct(answers, np.tile(np.float32(row), [9, 1])))
        assert len(layer.code.edges) == len(np.unique(answers.max(axis=1))) - 1


def test_more_shares_than_a_code_has_are_refused():
    with pytest.raises(ValueError, match="`answers` must have 256 shares.*Received: 300"):
        reconstruct(rows(300, 1), rows(9, 2))


@pytest.mark.parametrize("found", ["decoy", "confidence_buckets"])
def test_the_thief_trains_by_the_likelihood_of_what_it_reconstructs(monkeypatch, found):
    seen, losses = set(), ThroughCode._losses
    monkeypatch.setattr(identify, "Simulations", lambda outputs: Found(found))
    monkeypatch.setattr(ThroughCode, "_losses",
                        lambda self, *args: seen.add(self) or losses(self, *args))
    answers = np.array(deployed(found)[0](rows(12, 13)))
    thief, _ = steal(Sample(), 12, adversary=ADVERSARIES.make("identify"), num_classes=CLASSES,
                     predict=lambda x: answers[:len(x)])  # yapf: disable
    assert thief.clone().learned == {"identified": found}
    objective, = seen
    tops = np.unique(thief.transfer_set().answers.max(axis=1))
    assert np.float32(json.loads(objective.state)["confidences"]).tolist() == tops.tolist()


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
