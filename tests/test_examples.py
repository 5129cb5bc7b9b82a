"""Every example runs, ends in seconds, and does what it says."""
import functools
import json
import pathlib
import re
import subprocess
import sys

from google.protobuf import text_format
import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from revsig_keras import DefendedModel
from revsig_keras.serving.versions import publish
from tests.serving.server import ModelServer

ROOT = pathlib.Path(__file__).parents[1]


def run_example(name, *arguments, cwd, status=0):
    """Runs an example as a user does and returns what it prints."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    result = subprocess.run(command,
                            cwd=cwd,
                            env=environment,
                            capture_output=True,
                            text=True,
                            timeout=120,
                            check=False)
    assert result.returncode == status, result.stderr
    return result.stdout


def test_defend_a_model(tmp_path):
    """No label changes, the probabilities do, and what it writes can be loaded."""
    output = run_example("defend_a_model.py", tmp_path, cwd=tmp_path)
    assert float(re.search(r"Accuracy: (.*)%", output).group(1)) > 90
    assert "changed: 0 of 540" in output
    clean, served = (np.float64(line.split(":")[1].split())
                     for line in output.splitlines()
                     if re.search(r":( +\d\.\d\d){10}$", line))
    assert clean.argmax() == served.argmax()
    assert abs(clean - served).sum() > 0.5
    assert isinstance(keras.saving.load_model(tmp_path / "defended.keras"), DefendedModel)
    assert (tmp_path / "served" / "saved_model.pb").exists()


def test_choose_strength(tmp_path):
    """The limit holds, the defence costs calibration and no accuracy."""
    output = run_example("choose_strength.py", tmp_path / "frontier.png", cwd=tmp_path)
    chosen, = (line.split() for line in output.splitlines() if line.endswith("*"))
    assert 0.49 < float(chosen[3]) <= 0.5
    assert re.search(r"^revsig_keras.ReverseSigmoid\(beta=.*, gamma=.*\)$", output, re.M)
    (clean, clean_ece), (served, served_ece) = re.findall(r"accuracy (.*), calibration error (.*)",
                                                          output)
    assert clean == served and float(clean) > 0.9 and float(served_ece) > float(clean_ece)
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_add_an_attack(tmp_path):
    """It is measured like the others, and spends its budget."""
    output = run_example("add_an_attack.py",
                         f"--output_dir={tmp_path / 'blends'}",
                         "--victim_steps=50",
                         "--steps=5",
                         "--budgets=21",
                         cwd=tmp_path)
    assert re.search(r"^none +blends +labels +0\.\d+$", output, re.M)
    records = [json.loads(path.read_text()) for path in tmp_path.glob("blends/cells/*.json")]
    mine = [record for record in records if record["cell"]["attack"] == "blends"]
    assert len(mine) == 4
    for record in mine:
        assert record["queries_per_round"][0] == 10 and sum(record["queries_per_round"]) == 21
    output = run_example("add_an_attack.py",
                         f"--output_dir={tmp_path / 'bad'}",
                         "--attacks=blends:originals=0",
                         cwd=tmp_path,
                         status=1)
    assert not output


@pytest.fixture(scope="module")
def served_digits(tmp_path_factory):
    """The folder of versions of a defended model of 8 x 8 digits."""
    keras.utils.set_random_seed(0)
    model = DefendedModel(
        keras.Sequential([
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]))
    base = tmp_path_factory.mktemp("serving") / "digits"
    publish(base, functools.partial(model.export, verbose=False))
    return model, base


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_the_clients_of_tf_serving(protocol, served_digits, tmp_path):
    """They print what the model answers."""
    model, base = served_digits
    with ModelServer(base, name="digits") as server:
        arguments = [server.rest_url]
        if protocol == "grpc":
            pytest.importorskip("tensorflow_serving")
            arguments = [server.grpc_address, "digits"]
        output = run_example(f"tf_serving/{protocol}_client.py", *arguments, cwd=tmp_path)
    images = load_digits().images[:5, ..., None] / 16
    expected = ["".join(f" {p:.2f}" for p in row) for row in model.predict(images, verbose=0)]
    assert [line.split(":")[1] for line in output.splitlines()] == expected


@pytest.mark.parametrize("limit, status", [(1, 0), (0, 2)])
def test_audit_endpoint(served_digits, tmp_path, limit, status):
    """Its exit status is the verdict."""
    with ModelServer(served_digits[1], name="digits") as server:
        output = run_example("audit_endpoint.py",
                             server.rest_url,
                             tmp_path / "audit",
                             "--steps=5",
                             f"--fail_above={limit}",
                             cwd=tmp_path,
                             status=status)
        assert f"This run sent {server.rows} rows." in output
    assert "A thief with 100 queries (0.15) gets a clone" in output
    assert ("Passed" in output) == (status == 0)


def test_audit_endpoint_says_why_it_cannot(tmp_path):
    output = run_example("audit_endpoint.py",
                         "http://127.0.0.1:1/v1/models/digits",
                         tmp_path,
                         cwd=tmp_path,
                         status=1)
    assert "thief" not in output


def test_the_configuration_of_tf_serving():
    """It can be read, and it is about the model that the commands export."""
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2")
    folder = ROOT / "examples" / "tf_serving"
    parsed = text_format.Parse((folder / "models.config").read_text(), config.ModelServerConfig())
    model, = parsed.model_config_list.config
    commands = (folder / "README.md").read_text()
    assert f"--output=runs/serving{model.base_path.removeprefix('/models')} " in commands
    assert f"/v1/models/{model.name}:predict" in commands


def test_the_commands_of_tf_serving_are_those_of_the_readme():
    """So that both are right, or neither."""
    tutorial, readme = (re.findall(r"^python -m .*$", path.read_text(), re.MULTILINE)
                        for path in (ROOT / "examples/tf_serving/README.md", ROOT / "README.md"))
    assert len(tutorial) == 3 and set(tutorial) <= set(readme)


def test_examples_are_short():
    """A user reads them first."""
    for path in (ROOT / "examples").rglob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path
