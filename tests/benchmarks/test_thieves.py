"""The thieves of both sides are given the same and do the same."""
import contextlib
import sys
import types

import pytest
import tensorflow as tf

from benchmarks import cells
from benchmarks import thieves
from benchmarks.peers import art_thieves
from models.data import loading
from models.data.dataset import Dataset


@pytest.fixture(scope="module")
def digits():
    """What stands in for MNIST where that is not prepared."""
    load = loading.load

    def load_digits_only(name):
        if name != "digits":
            raise ValueError("not prepared")
        return load(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "load", load_digits_only)
        return thieves.images()


@pytest.fixture(scope="module")
def scene(digits):
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(thieves, "images", lambda: digits)
        patch.setattr(cells, "ARCHITECTURE", "mlp")
        yield thieves.Scene(stack, victim_steps=60)


def test_the_digits_have_the_shape_of_mnist(digits):
    assert isinstance(digits, Dataset) and digits.name == "digits"
    assert digits.input_shape == cells.SHAPE and 0 <= digits.x.min() <= digits.x.max() <= 1


class PeerInThisProcess:
    """Answers as the script does, with an ART of which each attack keeps what it was asked for."""

    def __init__(self, monkeypatch):
        self.attacks = []
        for name, contents in {
                "art": {
                    "__version__": "0"
                },
                "art.attacks": {},
                "art.attacks.extraction": {
                    "KnockoffNets": self._attack("KnockoffNets"),
                    "CopycatCNN": self._attack("CopycatCNN")
                },
                "art.estimators": {},
                "art.estimators.classification": {
                    "TensorFlowV2Classifier": Classifier
                },
                "protocol": {
                    "python_version": lambda: "3"
                },
        }.items():
            module = types.ModuleType(name)
            vars(module).update(contents)
            monkeypatch.setitem(sys.modules, name, module)
        self.about, self._handle = art_thieves.start()

    def ask(self, request):
        return self._handle(request, None)

    def _attack(self, name):

        def make(victim, **arguments):
            self.attacks.append((name, arguments))

            def extract(x, thieved_classifier):
                answers = victim.predict(x)
                thieved_classifier.fit(x, answers, arguments["batch_size_fit"],
                                       arguments["nb_epochs"])
                return thieved_classifier

            return types.SimpleNamespace(extract=extract)

        return make


class Classifier:
    """Of ART, as far as it is used."""

    def __init__(self, model, nb_classes, input_shape, train_step):
        assert model.output_shape[1:] == (nb_classes,) and model.input_shape[1:] == input_shape
        self._model, self._train_step = model, train_step

    def predict(self, x):
        return self._model(x).numpy()

    def fit(self, x, y, batch_size, nb_epochs):
        for _ in range(nb_epochs):
            for start in range(0, len(x), batch_size):
                self._train_step(self._model, tf.constant(x[start:start + batch_size]),
                                 tf.constant(y[start:start + batch_size]))


@pytest.mark.slow
def test_both_sides_steal_as_much_with_as_many_steps(scene, monkeypatch):
    peer = PeerInThisProcess(monkeypatch)
    duels = [thieves.Duel(scene, name, "float32", 4, peer) for name in thieves.THIEVES]
    for duel in duels:
        ours, other = duel.repeats()
        assert ours() > 0 and other() > 0
        figures = duel.agreements()
        assert all(0.5 < agreement < 1 for agreement in figures)
        assert abs(figures[0] - figures[1]) < 0.2
    rows = len(scene.queries)
    assert rows % cells.BATCH == 0 and 500 < rows <= cells.QUERIES
    assert duels[0]._workshop.recipe.steps == 4 * rows // cells.BATCH
    common = {"batch_size_fit": 32, "batch_size_query": 1024, "nb_stolen": rows}
    of_knockoff = {"sampling_strategy": "random", "use_probability": True, "verbose": False}
    assert peer.attacks[1] == ("KnockoffNets", {**common, **of_knockoff, "nb_epochs": 4})
    assert peer.attacks[-1] == ("CopycatCNN", {**common, "nb_epochs": 4})
    first, again = (peer.ask({
        "thief": "copycat",
        "folder": scene.folder,
        "batch_size": 32,
        "epochs": 2
    })["agreement"] for _ in range(2))
    assert first == again, "Each clone starts afresh."


@pytest.mark.slow
def test_without_the_peer_its_figures_are_null(scene):
    duel = thieves.Duel(scene, "copycat", "float32", 1, None)
    assert duel.repeats()[1] is None and duel.agreements()[1] is None
