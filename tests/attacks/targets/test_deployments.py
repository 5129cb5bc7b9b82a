"""Defences that can be fitted are fitted once for a victim, and records tell to what."""
import dataclasses
import json
import logging

import keras
import numpy as np
import pytest

from attacks.adversaries.guess import Guess
from attacks.clone.recipe import Recipe
from attacks.experiment import run_experiment
from attacks.grid.config import RunConfig
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.oracle import deployed
from attacks.oracle.defences import fixed_answers
from attacks.results.defence_states import DefenceStates
from attacks.results.staleness import refuse_stale
from attacks.schedule import theft
from attacks.targets.deployments import Deployments
from attacks.targets.local import local_target
from models.data import splits
from models.data.loading import DataConfig
from models.processes.workers import Workers
from models.victim import OwnVictim
from models.victim import VictimConfig
from models.victim import VictimFile
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.coded.decoy import Decoy
from tests.models.victim import own_victims
from tests.models.victim.own_victims import DATASET
from tests.models.victim.own_victims import expected
from tests.models.victim.own_victims import X
from tests.models.victim.own_victims import Y
from tests.revsig_keras.defences.strangers import Prior

PARTS = {own: splits.split(DATASET, 0, for_victim=not own) for own in (False, True)}
FITTED = ("confidence_buckets", "confidence_buckets:bits=1:ordered_classes=2", "decoy:decoys=1",
          "prior", "coded")  # yapf: disable
NOT_FITTED = ("none", "as_served", "reverse_sigmoid", "rounding", "top_k", "random_noise:seed=3")


@keras.saving.register_keras_serializable(package="deployments")
class OwnCode(Decoy):
    """A user's own coded defence."""

    def __init__(self, bits: int = 2, **kwargs):
        super().__init__(**{"bits": bits, "decoys": 1, **kwargs})


@pytest.fixture(autouse=True)
def strangers(monkeypatch):
    """Fittable defences of a user's own."""
    monkeypatch.setitem(DEFENCES._factories, "prior", Prior)
    monkeypatch.setitem(DEFENCES._factories, "coded", OwnCode)


def softmax(inputs):
    return expected(inputs.reshape(len(inputs), -1) @ own_victims.KERNEL).astype("float32")


VICTIM = OwnVictim(softmax, "probabilities", {"num_classes": 3, "fingerprint": "v"})


def fitted_by_hand(member, rows):
    layer = DEFENCES.make(member)
    layer.adapt(softmax(rows.x), rows.y)
    return layer


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("member", FITTED)
def test_it_is_fitted_to_the_owners_rows_or_else_to_the_evaluators(member, own):
    name = "evaluation" if own else "victim_validation"
    rows = getattr(PARTS[own], name)
    made = Deployments(VICTIM, PARTS[own])(member)
    layer = fitted_by_hand(member, rows)
    assert made.layer().state == layer.state
    told = made.describe()["defence_state"]
    assert (told["fitted_to"], told["rows"]) == (name, len(rows)) and len(told["digest"]) == 64
    clean = softmax(PARTS[own].test.x)
    target = local_target(VICTIM, PARTS[own], (0, 1), .25)
    np.testing.assert_array_equal(target.oracle(member, 99).query(PARTS[own].test.x), layer(clean))
    measured = target.evaluator._victims.under(member).predict(PARTS[own].test.x)
    np.testing.assert_array_equal(measured, layer(clean))
    assert target.deployed(member) == made


@pytest.mark.parametrize("member", NOT_FITTED)
def test_what_cannot_be_fitted_is_as_it_was(member):
    made = Deployments(VICTIM, PARTS[False])(member)
    assert made == deployed.Deployed(member) and made.describe() == {}


def test_a_named_state_is_used_as_it_is(tmp_path):
    path = tmp_path / "state.json"
    for layer, member in ((DEFENCES.make("confidence_buckets:bits=2"), "confidence_buckets"),
                          (fitted_by_hand("decoy:decoys=1", PARTS[False].test), "decoy:decoys=1")):
        path.write_text(json.dumps(layer.state, indent=3))
        made = Deployments(VICTIM, PARTS[False])(f"{member}:state={path}")
        assert made.layer().state == layer.state
        told = made.describe()["defence_state"]
        assert told == {"digest": told["digest"], "fitted_to": "file"}
        path.write_text(json.dumps(layer.state))
        assert Deployments(VICTIM, PARTS[False])(f"{member}:state={path}") == made


def test_a_named_state_that_has_changed_is_refused(tmp_path):
    path, deployments = tmp_path / "state.json", Deployments(VICTIM, PARTS[False])
    member = f"decoy:decoys=1:state={path}"
    states = [
        fitted_by_hand("decoy:decoys=1", rows).state for rows in (PARTS[0].test, PARTS[0].pool)
    ]
    path.write_text(json.dumps(states[0]))
    origin = {"dataset": {"num_classes": 3}, "victim": {}, "hardware": {}}
    cell = {"defence": member, "resolved": {"defence": DEFENCES.resolve(member)}}
    record = {**origin, "id": "a-cell", "cell": cell, **deployments(member).describe()}
    refuse_stale([record], origin, "runs", deployments)
    path.write_text(json.dumps(states[1]))
    with pytest.raises(ValueError, match="fitted to the same rows. Received: runs, where decoy"):
        refuse_stale([record], origin, "runs", Deployments(VICTIM, PARTS[False]))


def test_a_defence_is_fitted_once_and_read_from_its_file(tmp_path, monkeypatch):
    fits, fit = [], deployed.fit
    monkeypatch.setattr(deployed, "fit", lambda *a: fits.append(a[0]) or fit(*a))

    def deploy(member="decoy:decoys=1", owner="a victim"):
        made = Deployments(VICTIM, PARTS[False], DefenceStates(tmp_path, owner))
        assert made(member) is made(member)
        return made(member)

    first = deploy()
    assert deploy() == first and fits == ["decoy:decoys=1"]
    assert deploy("decoy:decoys=1:bits=3").state == first.state and len(fits) == 1
    deploy("decoy:decoys=1:bits=2")
    deploy(owner="another victim")
    assert len(fits) == 3
    files = list((tmp_path / "defences").iterdir())
    assert len(files) == 3 and all(path.name.startswith("decoy-") for path in files)
    for path in files:  # As the member of a deployed model names it.
        named = Deployments(VICTIM, PARTS[False])(f"decoy:decoys=1:state={path}")
        assert (named.state == first.state) == (json.loads(path.read_text())["bits"] == 3)
        path.write_text("{")
    with pytest.raises(ValueError, match=r"decoy-.*json must hold what a defence was fitted to"):
        deploy()


def test_all_workers_have_the_state_of_the_chief():

    class Follower(Workers):
        is_chief, count = False, 2

        def __init__(self):
            pass

        def agree(self, value):
            assert value == []
            return [dataclasses.asdict(chief(member)) for member in FITTED]

    chief = Deployments(VICTIM, PARTS[False])
    follower = Deployments(VICTIM, PARTS[True])
    follower.share(FITTED, Follower())
    assert [follower(member) for member in FITTED] == [chief(member) for member in FITTED]


@pytest.mark.parametrize("member, victim, message", [
    ("confidence_buckets:from_logits=true", softmax, "but it ends in a softmax"),
    ("confidence_buckets", lambda x: np.full([len(x), 3], np.nan, "float32"),
     r"such as can be fitted to 12 rows of victim_validation. Received: confidence_buckets: "
     "`probabilities` must be finite"),
    ("decoy:decoys=2", softmax, "`decoys` must be below the number of classes by 2 or more"),
])
def test_what_cannot_be_fitted_to_the_victim_is_refused(member, victim, message):
    made = Deployments(OwnVictim(victim, "probabilities", VICTIM.record), PARTS[False])
    with pytest.raises(ValueError, match=message):
        made(member)


def test_a_warning_is_logged_with_the_defence_that_it_is_about(caplog):
    sure = OwnVictim(lambda x: np.tile(np.float32([1, 0, 0]), [len(x), 1]), "probabilities",
                     VICTIM.record)
    with caplog.at_level(logging.WARNING):
        Deployments(sure, PARTS[False])("confidence_buckets:bits=1")
        Deployments(sure, PARTS[False])("confidence_buckets:bits=2")
    assert "confidence_buckets:bits=2, fitted to 12 rows of victim_validation" in caplog.text
    assert "of 2 bits, 1 are effective" in caplog.text and caplog.text.count("fitted to") == 1


@pytest.mark.parametrize("member", FITTED)
def test_what_a_defence_was_fitted_to_changes_its_fixed_answers(member):
    one, other = (Deployments(VICTIM, PARTS[own])(member).state for own in (False, True))
    assert fixed_answers(member, 3, one) == fixed_answers(member, 3, one) != fixed_answers(
        member, 3, other)


@pytest.mark.parametrize("member", FITTED)
def test_a_thief_that_knows_the_defence_knows_the_state_unless_it_guesses(member):
    state = Deployments(VICTIM, PARTS[False])(member).state
    assert Guess().layer(member, state).state == json.loads(state)
    guess = Guess(member="decoy:decoys=1").layer(member, state)
    assert guess.state == DEFENCES.make("decoy:decoys=1").state


@pytest.fixture(name="directory", scope="module")
def fixture_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("victims")
    own_victims.keras_model().save(directory / "logits.keras")
    np.savez(directory / "data.npz", x=X, y=Y)
    return directory


def run(directory, output, victim=None, **grid):
    options = {"adversaries": ("labels",), "budgets": (20,), **grid}
    experiment = ExperimentConfig(DataConfig(f"npz:{directory / 'data.npz'}"),
                                  victim or VictimFile(directory / "logits.keras"),
                                  Recipe("mlp", steps=2), **options)
    run_experiment(RunConfig(experiment, ExecutionConfig(output, clones_per_device=1)))
    paths = sorted((output / "cells").glob("*.json"))
    return {path.name: json.loads(path.read_text()) for path in paths}


def test_cells_tell_to_what_their_defence_was_fitted(directory, tmp_path, monkeypatch):
    seen, known = [], theft.Known
    monkeypatch.setattr(theft, "Known", lambda *args: seen.append(known(*args)) or seen[-1])
    grid = {"defences": ("confidence_buckets", "prior", "rounding")}
    first = run(directory, tmp_path, **grid)
    assert run(directory, tmp_path, **grid) == first and len(first) == len(seen) == 3
    assert not seen[2].defence_state and json.loads(seen[1].defence_state)["rows"]
    more = run(directory, tmp_path, defences=("decoy:decoys=1",))
    assert {name: more[name] for name in first} == first and len(more) == 4
    told = [record.get("defence_state") for record in more.values()]
    assert [each and each["fitted_to"] for each in told] == ["evaluation"] * 3 + [None]
    assert all(record["defence_answers"] for record in more.values())
    path, = tmp_path.glob("defences/confidence_buckets-*.json")
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "edges": sorted(x / 2 for x in state["edges"])[::-1]}))
    for defences in (("confidence_buckets",), ("rounding",)):  # Whoever continues the directory.
        with pytest.raises(ValueError, match="fitted to the same rows. Received: .*, where conf"):
            run(directory, tmp_path, defences=defences)
    path.unlink()
    assert run(directory, tmp_path, **grid) == more


@pytest.mark.slow
def test_each_victim_of_a_grid_has_a_defence_of_its_own(directory, tmp_path):
    records = run(
        directory, tmp_path, VictimConfig("mlp", steps=5), **{
            "defences": ("decoy:decoys=1",),
            "adversaries": ("labels",),
            "split_seeds": (0, 1),
            "victim_seeds": (0, 1),
            "seeds": (0, 1)
        }).values()
    told = [record["defence_state"] for record in records]
    assert [each["fitted_to"] for each in told] == ["victim_validation"] * 2
    assert told[0]["digest"] != told[1]["digest"]
    files = [str(path.relative_to(tmp_path).parent) for path in tmp_path.rglob("decoy-*.json")]
    assert sorted(file for file in files if "cells" not in file) == [
        "defences", "victims/split1-victim1/defences"
    ]


def test_results_from_before_a_defence_was_fitted_are_refused(directory, tmp_path):
    grid = {"defences": ("confidence_buckets",)}
    (name, record), = run(directory, tmp_path, **grid).items()
    del record["defence_state"], record["digest"]
    record["defence_answers"] = fixed_answers("confidence_buckets", 3)
    (tmp_path / "cells" / name).write_text(json.dumps(record))
    with pytest.raises(ValueError, match="answered 64 fixed rows differently.*its fit has changed"):
        run(directory, tmp_path, **grid)
