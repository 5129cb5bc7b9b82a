"""Every flag arrives in the configuration of a run."""
import pathlib

import pytest

from attacks import flags
from attacks.clone.recipe import Recipe
from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret
from attacks.endpoint.settings.connection import Connection
from attacks.endpoint.settings.declared_model import DeclaredModel
from attacks.endpoint.settings.json_form import JsonForm
from attacks.endpoint.settings.meanings import Meanings
from attacks.grid.config import read_replay
from attacks.grid.config import RunConfig
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.grid.judgement import Judgement
from attacks.grid.recipe_choice import RecipeChoice
from attacks.results.replay_file import ReplayFile
from models.data.loading import DataConfig
from models.processes.config import ProcessConfig
from models.victim import VictimConfig
from models.victim import VictimFile
from revsig_keras.options import options_of
from tests.attacks.programs import parsed
from tests.programs import run

ROOT = pathlib.Path(__file__).parents[2]
FLAGFILES = [*ROOT.glob("results/**/run.flags"), *ROOT.glob("attacks/configs/**/*.flags")]


def configured(*arguments):
    return flags.run_config(parsed("--output_dir=o", *arguments))


def test_without_flags_everything_has_the_default_of_its_field():
    assert configured() == RunConfig(ExperimentConfig(), ExecutionConfig("o"))


def test_all_flags_of_a_local_oracle():
    given = {
        "output_dir": "d",
        "dataset": "mnist",
        "data_dir": "e",
        "download": "true",
        "image_size": "8,9",
        "cache_dir": "f",
        "split_seed": "1",
        "victim_architecture": "mlp",
        "victim_optimizer": "sgd",
        "victim_batch_size": "2",
        "victim_steps": "3",
        "victim_seed": "4",
        "victim_label_smoothing": "0.125",
        "victim_temperature": "2",
        "clone_architecture": "mnist_cnn",
        "optimizer": "sgd:momentum=.5",
        "batch_size": "5",
        "steps": "6",
        "held_out": "0.25",
        "patience": "7",
        "precision": "mixed_float16",
        "jit": "true",
        "defences": "none,top_k",
        "attacks": "random",
        "adversaries": "labels",
        "budgets": "8,9",
        "seeds": "10",
        "epsilon": "0.5",
        "split_seeds": "2",
        "victim_seeds": "3",
        "clone_architectures": "mlp,digits_cnn",
        "recipes": "adam,sgd:epochs=3",
        "recipe_seed": "5",
        "distribution": "one_device",
        "checkpoint_every": "11",
        "clones_per_device": "12",
        "cells": "3,0-1",
        "keep_clones": "true",
        "price_per_1000": "13",
        "fail_above": "0.75",
    }
    config = configured(*(f"--{name}={value}" for name, value in given.items()))
    assert config == RunConfig(
        ExperimentConfig(
            DataConfig("mnist", "e", True, (8, 9), 1, "f"),
            VictimConfig("mlp", "sgd", 2, 3, 4, 0.125, 2.0),
            Recipe("mnist_cnn", "sgd:momentum=.5", 5, 6, 0.25, 7, "mixed_float16",
                   True), ("none", "top_k"), ("random",), ("labels",), (8, 9), (10,), 0.5, (3,),
            (2,), ("mlp", "digits_cnn"), RecipeChoice(("adam", "sgd:epochs=3"), 5)),
        ExecutionConfig("d", ProcessConfig("one_device", 11.0), 12, (0, 1, 3), True),
        Judgement(13.0, 0.75))
    others = {option.name for kind in (RemoteConfig, VictimFile) for option in options_of(kind)}
    assert {option.name for option in options_of(RunConfig)} - others == set(given)
    file = configured("--victim=v.keras").experiment.victim
    assert file == VictimFile("v.keras")
    file = configured("--victim=v", "--victim_signature=a", "--victim_output=b",
                      "--victim_range=-1,2").experiment.victim
    assert file == VictimFile("v", "a", "b", (-1.0, 2.0))


@pytest.mark.parametrize("flags, message", [
    (("--victim_range=0,255",), "`--victim_range` must be given with --victim only"),
    (("--victim=v", "--victim_range=1"), "`victim_range` must be LOWEST,HIGHEST, two numbers"),
    (("--victim=v", "--victim_range=2,1"), "`victim_range` must be .*in this order"),
])  # yapf: disable
def test_flags_of_a_victim_that_was_trained_elsewhere(flags, message):
    with pytest.raises(ValueError, match=message):
        configured(*flags)


@pytest.mark.parametrize("path", FLAGFILES, ids=lambda path: path.parent.name + "/" + path.stem)
def test_a_flagfile_is_read_as_the_command_line_reads_it(path):
    """So `run.flags` is the identity of its directory, and replays it."""
    experiment = configured(f"--flagfile={path}").experiment
    if path.name == "run.flags":
        assert ReplayFile(path.parent).read() == experiment
    replay = RunConfig(experiment, ExecutionConfig("o")).replay()
    assert read_replay(replay).identity() == experiment.identity()


def test_importing_the_programs_together_defines_no_flag(tmp_path):
    code = ("from absl import flags\n"
            "import attacks.run, attacks.plot, attacks.reproduce, models.train, models.tune\n"
            "modules = flags.FLAGS.flags_by_module_dict()\n"
            "assert not {'attacks', 'models', 'revsig_keras'} & {n.split('.')[0] for n in modules}")
    (tmp_path / "imports.py").write_text(code)
    result = run(tmp_path / "imports.py")
    assert result.returncode == 0, result.stderr


def test_all_flags_of_a_remote_oracle(tmp_path):
    """But for those of a client's certificate, which have a test of their own."""
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "names").write_text("a\nb")
    given = {
        "oracle": "json+https://host:9/m",
        "i_own_this_endpoint": "true",
        "ledger": "l.sqlite",
        "eval_rows": "70",
        "max_rows": "80",
        "oracle_signature": "s",
        "oracle_input": "i",
        "oracle_output": "o",
        "oracle_range": "-1,1.5",
        "oracle_format": "column",
        "oracle_token": "env:T",
        "oracle_headers": "X-A=env:A,X-B=file:/b=c",
        "oracle_ca_file": f"{tmp_path}/ca.pem",
        "oracle_batch_size": "3",
        "oracle_concurrency": "5",
        "oracle_rows_per_second": "2.5",
        "oracle_timeout_s": "7",
        "oracle_retries": "11",
        "oracle_retry_statuses": "408",
        "oracle_trust": "true",
        "oracle_dtype": "uint8",
        "oracle_shape": "28,28,1",
        "oracle_classes": f"{tmp_path}/names",
        "oracle_in_class_order": "true",
        "oracle_query": "key=env:K",
        "oracle_follow_redirects": "true",
        "oracle_refused": "409,is loading",
        "oracle_wait": "quota",
        "oracle_stop": "500",
        "oracle_request": '{"x": $ROW}',
        "oracle_scores": "all[].[name, percent]",
        "oracle_rows": "png",
    }
    config = configured(*(f"--{name}={value}" for name, value in given.items()))
    headers = {"X-A": Secret("env:A"), "X-B": Secret("file:/b=c")}
    assert config.experiment.defences == ("as_served",)
    assert config.experiment.victim == RemoteConfig(
        EndpointConfig(Address("json+https", "host:9", "/m", ""), "s", "i", "o", (-1.0, 1.5),
                       "column", Secret("env:T"), headers, f"{tmp_path}/ca.pem", 3, 5, 2.5, 7.0,
                       RetryPolicy(11, statuses=(408,)),
                       DeclaredModel("uint8", (28, 28, 1), f"{tmp_path}/names", True),
                       Connection({"key": Secret("env:K")}, follow_redirects=True),
                       Meanings(("409", "is loading"), ("quota",), ("500",)),
                       JsonForm('{"x": $ROW}', "all[].[name, percent]", "png")),
        True, "l.sqlite", 70, 80, True)  # yapf: disable
    assert {option.name for option in options_of(RemoteConfig)} == set(given) | {
        "oracle_client_cert", "oracle_client_key"}  # yapf: disable


def test_an_address_alone_has_the_defaults_of_the_config():
    address = Address.parse("grpc://host/m")
    assert configured("--oracle=grpc://host/m").experiment.victim == RemoteConfig(
        EndpointConfig(address))


@pytest.mark.parametrize("flag, message", [
    ("--victim_seeds=1,2", "A remote oracle has its own victim.*`--victim_seeds`"),
    ("--recipe_seed=7", "`recipe_seed` must be left out for an endpoint, which would bill"),
])
def test_an_endpoint_has_one_victim_and_no_further_thieves(flag, message):
    with pytest.raises(ValueError, match=message):
        configured("--oracle=http://localhost:1/v1/models/m", "--recipes=adam,sgd", flag)
