"""What the base class gives a defence: fitting, secrets, and checks in training."""
import json
import re

import keras
import numpy as np
import pytest

import revsig_keras
from revsig_keras.defences.catalogue import DefenceRegistry
from revsig_keras.testing.rows import softmax_rows
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.defences import strangers

CLEAN = softmax_rows(30, 4, 2, 1)
KEY = "correct horse battery"


def fitted(**kwargs):
    layer = strangers.Prior(**kwargs)
    layer.adapt(CLEAN, np.arange(30))
    return layer


def test_a_fitted_defence_answers_the_same_after_it_was_saved(tmp_path):
    """Its state is in the configuration, so a clone and an export have it too."""
    layer = fitted()
    assert layer.state == {
        "mean": CLEAN.mean(axis=0).tolist(),
        "rows": 30,
        "labels": list(range(30))
    }
    model = keras.Sequential([keras.Input((4,)), layer])
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_numpy(reloaded(CLEAN)), as_numpy(model(CLEAN)))
    assert json.loads(json.dumps(layer.get_config()["state"])) == layer.state
    assert strangers.Prior.from_config(layer.get_config()).get_config() == layer.get_config()


def test_a_defence_is_not_fitted_by_default():
    """Fitting it changes nothing, and its configuration has no state."""
    for layer in (revsig_keras.ReverseSigmoid(), revsig_keras.LabelOnly()):
        layer.adapt(CLEAN)
        assert layer.state is None and "state" not in layer.get_config()


def test_it_is_fitted_before_it_is_used():
    """Training needs no state."""
    layer = strangers.Prior()
    np.testing.assert_array_equal(as_numpy(layer(CLEAN, training=True)), CLEAN)
    with pytest.raises(ValueError, match="`Prior` must be fitted.*call `adapt"):
        layer(CLEAN)
    used = fitted()
    used.adapt(CLEAN[:20])
    used(CLEAN)
    with pytest.raises(ValueError, match="`adapt` must be called before the layer is used"):
        used.adapt(CLEAN)


@pytest.mark.parametrize("probabilities, labels, expected", [
    (CLEAN[:0], None, "a row or more.*Received: 0 rows"),
    (CLEAN, np.arange(29), "as many. Received: 30 rows, labels=29"),
    (np.ones((4, 3), int), None, "floating-point dtype"),
    (np.ones((4, 1)), None, "fixed size of 2 or more"),
])
def test_it_is_not_fitted_to_what_is_no_row(probabilities, labels, expected):
    with pytest.raises(ValueError, match=expected):
        strangers.Prior().adapt(probabilities, labels)


def test_a_state_that_cannot_be_saved_is_refused():

    class Bad(strangers.Prior):

        def fit_state(self, probabilities, labels):
            return {"rows": {1, 2}}

    with pytest.raises(TypeError, match="what JSON can hold. Received: <class 'set'>"):
        Bad().adapt(CLEAN)


def test_a_secret_is_saved_and_in_no_text(tmp_path):
    """A `.keras` file holds it, as it holds the weights; texts do not."""
    layer = strangers.Keyed(KEY)
    assert layer.get_config()["key"] == KEY
    assert layer.public_config() == {**layer.get_config(), "key": "<secret>"}
    assert KEY not in f"{layer!r} {layer} {layer.public_config()}"
    model = keras.Sequential([keras.Input((4,)), layer])
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_numpy(reloaded(CLEAN)), as_numpy(model(CLEAN)))


def everything_of(error):
    """The text of an error and of those that a traceback shows before it."""
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return " ".join(texts)


def test_a_secret_is_in_no_message_of_a_bad_configuration():
    """Keras' own has the whole of it."""
    config = {**strangers.Keyed(KEY).get_config(), "wrong": 1}
    with pytest.raises(ValueError, match="`Keyed` cannot be made.*'key': '<secret>'") as error:
        strangers.Keyed.from_config(config)
    assert KEY not in everything_of(error.value)


@pytest.fixture
def registry():
    registry = DefenceRegistry("defence", {}, base=revsig_keras.Defence)
    registry.add("keyed", strangers.Keyed)
    return registry


@pytest.mark.parametrize("source", ("env", "file"))
def test_a_member_refers_to_a_secret(registry, source, tmp_path, monkeypatch):
    """By an environment variable or a file."""
    monkeypatch.setenv("REVSIG_TEST_KEY", KEY)
    (tmp_path / "key").write_text(f"{KEY}\n")
    reference = {"env": "env/REVSIG_TEST_KEY", "file": f"file/{tmp_path}/key"}[source]
    member = f"keyed:share=.3:key={reference}"
    layer = registry.make(member)
    assert (layer.key, layer.share) == (KEY, 0.3)
    assert registry.spell(member) == f"keyed:key={reference}:share=0.3"
    assert registry.resolve(member) == ("keyed", {"key": reference, "share": 0.3})


@pytest.mark.parametrize("member", ["keyed:key=SWORDFISH", "keyed:unknown=1:key=SWORDFISH"])
def test_a_secret_in_a_member_is_refused_and_not_repeated(registry, member):
    for read in (registry.make, registry.spell, registry.resolve):
        with pytest.raises(ValueError, match="is a secret. Expected a reference") as error:
            read(member)
        assert "SWORDFISH" not in everything_of(error.value)


def test_a_secret_that_is_refused_is_not_repeated(registry, monkeypatch):
    monkeypatch.setenv("REVSIG_TEST_KEY", "SHORT")
    with pytest.raises(ValueError, match="8 characters or more. Received: key='<secret>'") as error:
        registry.make("keyed:key=env/REVSIG_TEST_KEY")
    assert "SHORT" not in everything_of(error.value)


@pytest.mark.parametrize("reference", ("env/REVSIG_NOT_SET", "file//no/such/file"))
def test_a_secret_that_is_not_there_is_told(registry, reference):
    with pytest.raises(ValueError, match=f"secret {re.escape(repr(reference))} cannot be read"):
        registry.make(f"keyed:key={reference}")


def test_a_defence_that_is_added_can_be_chosen(registry):
    registry.add("inverted", strangers.Inverted)
    assert isinstance(registry.make("inverted"), strangers.Inverted)


class Unregistered(revsig_keras.Defence):
    """Keras does not know it."""

    def perturb(self, probabilities):
        return probabilities


@strangers.registered
class Empty(revsig_keras.Defence):
    """Does nothing."""


@pytest.mark.parametrize("name, kind, expected", [
    ("keyed", strangers.Inverted, "identifier that is not taken"),
    ("other", keras.layers.Softmax, "must be a subclass of `revsig_keras.defences.base.Defence`"),
    ("other", strangers.readme_defence, "must be a subclass of `revsig_keras.defences.base."),
    ("other", Empty, "must implement `perturb`"),
    ("other", Unregistered, "must be decorated with `keras.saving.register_keras_serializable`"),
])
def test_what_is_no_defence_is_not_added(registry, name, kind, expected):
    with pytest.raises(ValueError, match=expected):
        registry.add(name, kind)
    assert registry.names == ("keyed",)


@pytest.mark.parametrize("training", (False, True))
@pytest.mark.parametrize("layer, inputs, expected", [
    (revsig_keras.TopK(5), np.full((2, 3), 1 / 3, "float32"), "k=5 for 3 classes"),
    (revsig_keras.ReverseSigmoid(axis=2), np.ones((2, 3), "float32"), "axis=2"),
    (revsig_keras.LabelOnly(), np.ones((2, 1), "float32"), "fixed size of 2 or more"),
    (revsig_keras.Rounding(), np.ones((2, 3), "int32"), "dtype=int32"),
],
                         ids=["classes", "axis", "unit", "dtype"])
def test_inputs_are_checked_in_training_too(layer, inputs, expected, training):
    with pytest.raises(ValueError, match=expected):
        layer(inputs, training=training)
