"""The program `python -m models.tune`."""
import json
import re

import pytest

from models import tune
from models import victim as victims
from models.data import loading
from models.data import splits
from models.processes import strategy
from revsig_keras import choose_strength
from revsig_keras.cli import tuning
from tests.programs import run

DATA = loading.DataConfig("digits", split_seed=3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("victim")
    dataset = DATA.load()
    config = victims.VictimConfig(architecture="mlp", steps=100)
    victim = victims.train_victim(config, dataset, splits.split(dataset, DATA.split_seed),
                                  strategy.make_strategy("one_device"))
    victims.save_victim(victim, path)
    return path


def test_on_the_validation_split(directory, tmp_path, capsys):
    """The strength is printed and written for the validation rows."""
    config = tuning.TuneConfig(max_l1=0.5, json=str(tmp_path / "frontier.json"))
    tune.tune(DATA, directory, config)
    dataset = DATA.load()
    rows = splits.split(dataset, DATA.split_seed).victim_validation
    victim = victims.load_victim(directory, dataset, DATA.split_seed)
    choice = choose_strength(victim.probabilities(rows.x), rows.y, max_l1=0.5)
    assert capsys.readouterr().out == f"{choice}\n\n{choice.code}\n--defence={choice.member()}\n"
    assert choice.num_rows == len(rows)
    assert json.loads((tmp_path / "frontier.json").read_text())["row"]["beta"] == choice.beta


def test_a_victim_of_another_split_is_refused(directory):
    with pytest.raises(ValueError, match="its split_seed must be 0. Received: 3"):
        tune.tune(loading.DataConfig("digits"), directory, tuning.TuneConfig(max_l1=1))


def test_the_program(directory):
    result = run("models.tune", f"--victim={directory}", "--max_ece=.3", "--split_seed=3")
    assert result.returncode == 0 and not result.stderr, result.stderr
    assert "revsig_keras.ReverseSigmoid(beta=" in result.stdout


def test_help_lists_what_the_program_uses():
    """It does not list the flags of training a victim, which the same module defines."""
    result = run("models.tune", "--help")
    listed = re.findall(r"^  --(?:\[no\])?(\w+):", result.stdout, re.M)
    data = [
        "cache_dir", "custom_objects", "data_dir", "dataset", "download", "image_size", "split_seed"
    ]
    assert listed == sorted([
        *data, "victim", "max_l1", "max_kl_nats", "max_ece", "max_auroc_loss", "max_ece_loss",
        "max_brier_loss", "defence", "state", "plot", "json"
    ])
    assert result.stderr == ""
