"""Owners are told of a defence that leaves hardly anything of the answers, once."""
import keras
import numpy as np
import pytest

from revsig_keras import ConfidenceBuckets
from revsig_keras import DefendedModel
from revsig_keras import LabelOnly
from revsig_keras import ReverseSigmoid
from revsig_keras import TopK
from revsig_keras.defended_model.ruin import tell_ruin

X = np.eye(54, dtype="float32")


def confident(classes=54):
    """Most of the mass on one class, as real classifiers of many classes answer."""
    model = keras.Sequential([keras.Input((54,)), keras.layers.Dense(classes, "softmax")])
    model.set_weights([12 * np.eye(54, classes), np.zeros(classes)])
    return model


def test_many_classes_are_told_once(caplog):
    """With the figures and the remedy; training tells nothing."""
    model = DefendedModel(confident())
    model(X, training=True)
    assert not caplog.text
    model(X)
    model(X)
    assert caplog.text.count("mean L1 distance of 1.") == 1
    assert "falls from 1.000 to 0." in caplog.text and "54 answers" in caplog.text
    assert "choose_strength(probabilities, max_l1=1).layer()" in caplog.text


@pytest.mark.parametrize("defence", [ReverseSigmoid(beta=0.02), LabelOnly(), TopK()])
def test_what_is_mild_or_meant_is_not_told(defence, caplog):
    DefendedModel(confident(), defence)(X)
    DefendedModel(confident(2))(X)
    assert not caplog.text


def test_made_up_inputs_are_said_to_be(caplog):
    scores = np.asarray(confident()(X))
    assert tell_ruin(ReverseSigmoid(), scores, "serve/scores", made_up=True)
    assert "serve/scores: " in caplog.text and "made-up inputs" in caplog.text
    caplog.clear()
    assert not tell_ruin(ReverseSigmoid(multi_label=True), scores, "x", made_up=False)
    assert not tell_ruin(ReverseSigmoid(), np.full((2, 3), np.nan), "x", made_up=False)
    assert not caplog.text


def test_a_row_alone_is_whole(caplog):
    """Of more classes than rows are tried."""
    row = np.full(2000, 1e-4)
    row[0] += 0.8
    state = {"bits": 0, "classes": 2000, "edges": [], "confidences": [0.01]}
    for defence in (ConfidenceBuckets(state=state), ConfidenceBuckets(state=state, axis=0)):
        assert tell_ruin(defence, row, "x", made_up=False)
    assert "from 0.800 to 0.010" in caplog.text
