"""The thief's belief about the defence: what it may know, and what it may not."""
import keras
import numpy as np
import pytest

from attacks.adversaries.bayes import Bayes
from attacks.adversaries.guess import Guess
from attacks.grid.registries import ADVERSARIES
from revsig_keras.defences.catalogue import DEFENCES
from tests.attacks.adversaries import recoveries
from tests.attacks.adversaries.recoveries import distance
from tests.attacks.adversaries.recoveries import known
from tests.revsig_keras.defences.strangers import Keyed

SECRET = "the key of the owner"
MEMBER = "keyed:share=.8:key=env/OWNERS_KEY"


@keras.saving.register_keras_serializable(package="guesses")
class OpenlyKeyed(Keyed):
    """A keyed defence with a default key, which a thief can simulate."""

    def __init__(self, key: str = "everybody knows this", share: float = 0.5, **kwargs):
        super().__init__(key, share, **kwargs)


@pytest.fixture(params=[Keyed, OpenlyKeyed])
def keyed(request, monkeypatch):
    """A defence in the catalogue whose key is in the environment of its owner."""
    monkeypatch.setitem(DEFENCES._factories, "keyed", request.param)
    monkeypatch.setenv("OWNERS_KEY", SECRET)
    return request.param


def test_the_layer_of_a_thief_has_the_options_but_not_the_secret(keyed):
    assert DEFENCES.make(MEMBER).key == SECRET
    if keyed is Keyed:  # Its default is no key.
        with pytest.raises(ValueError, match="`key` must have 8 characters") as error:
            Guess().layer(MEMBER)
        assert SECRET not in str(error.value)
    else:
        layer = Guess().layer(MEMBER)
        assert layer.share == 0.8 and layer.key == "everybody knows this"


def test_a_thief_never_reads_the_secret(keyed, monkeypatch):
    monkeypatch.delenv("OWNERS_KEY")
    reason = Guess().unfit(MEMBER)
    assert (reason is None) == (keyed is OpenlyKeyed)
    assert Guess(1.0, 0.2).unfit(MEMBER) is None


@pytest.mark.parametrize("name", ["bayes", "learned_recovery"])
def test_recovery_is_left_out_where_nothing_can_be_simulated_without_the_secret(keyed, name):
    reason = ADVERSARIES.make(name).unfit(MEMBER)
    expected = f"{name}: the defence cannot be simulated without its secret"
    assert reason == (expected if keyed is Keyed else None)


@pytest.mark.parametrize("keyed", [OpenlyKeyed], indirect=True)
def test_a_thief_recovers_less_without_the_secret(keyed):
    clean = recoveries.held_out()
    answers = np.array(DEFENCES.make(MEMBER)(clean))
    adversary = Bayes(prior="dirichlet", pairs=20_000)
    blind = adversary.read(answers, known(MEMBER))
    informed = Bayes(prior="dirichlet", pairs=20_000, know_secret=True)
    assert (distance(informed.read(answers, known(MEMBER)), clean) < 0.5 * distance(blind, clean))


def test_a_thief_has_the_secret_only_if_it_is_asked_for(keyed):
    assert Guess(know_secret=True).layer(MEMBER).key == SECRET
    assert ADVERSARIES.make("bayes:know_secret=true").unfit(MEMBER) is None


@pytest.mark.parametrize("defence", ["random_noise", "random_noise:seed=4:scale=.3"])
def test_the_seed_of_a_noise_is_a_secret_too(defence):
    deployed = DEFENCES.make(defence)
    own, known_ = Guess().layer(defence), Guess(know_secret=True).layer(defence)
    assert own.scale == known_.scale == deployed.scale
    assert own.seed != deployed.seed == known_.seed
    assert own.seed == Guess().layer(defence).seed


GUESSED = "reverse_sigmoid:beta=.5:gamma=.5"


@pytest.mark.parametrize("name", ["aware", "bayes", "learned_recovery", "inverse"])
@pytest.mark.parametrize("options, simulated", [
    ("guess=reverse_sigmoid:guess_beta=.5:guess_gamma=.5", GUESSED),
    ("guess_gamma=.5:guess=reverse_sigmoid:guess_beta=.5", "reverse_sigmoid:gamma=.5:beta=.5"),
    ("beta=.5:gamma=.5", "reverse_sigmoid:beta=0.5:gamma=0.5:preserve_top1=true"),
    ("guess=top_k:guess_k=3", "top_k:k=3"),
    ("guess=none", "none"),
])
def test_any_member_can_be_guessed(name, options, simulated):
    assert ADVERSARIES.make(f"{name}:{options}").belief.simulated("rounding") == simulated


def test_the_options_of_a_guess_are_part_of_a_cell():
    name, options = ADVERSARIES.resolve("bayes:guess=reverse_sigmoid:guess_beta=.5")
    given = {key: value for key, value in options.items() if key.startswith("guess")}
    assert given == {"guess": "reverse_sigmoid", "guess_beta": 0.5, "guess_gamma": 0.2,
                     "guess_preserve_top1": True}  # yapf: disable
    assert "guess" not in ADVERSARIES.resolve("bayes")[1]


@pytest.mark.parametrize("options, message", [
    ("guess=nothing", "Unknown defence 'nothing'"),
    ("guess=top_k:guess_beta=.5", "Unknown option 'beta' in 'top_k:beta=.5'"),
    ("guess_beta=.5", "Unknown option 'guess_beta'"),
    ("guess=top_k:beta=.5:gamma=.5", "without `beta` and `gamma`.*Received: guess='top_k'"),
    ("guess=reverse_sigmoid:guess_beta=3", "0 < beta < 2"),
    ("guess=top_k:know_secret=true", "`know_secret` must be left out with a guess"),
])
def test_a_guess_that_means_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(f"bayes:{options}")


def test_nothing_is_simulated_where_there_is_no_defence():
    rows = recoveries.held_out()
    np.testing.assert_array_equal(Guess().layer("none")(rows), rows)
    assert Guess().unfit("none") is None


@pytest.mark.parametrize("member", ["reverse_sigmoid:beta=1.5:preserve_top1=false", "top_k:k=3"])
def test_a_thief_that_knows_the_defence_simulates_it_with_all_its_options(member):
    layer = Guess().layer(member)
    assert layer.get_config() | {"name": ""} == DEFENCES.make(member).get_config() | {"name": ""}
