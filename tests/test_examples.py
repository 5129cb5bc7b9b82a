"""Every example runs, ends in seconds, and does what it says."""
import contextlib
import functools
import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from google.protobuf import text_format
import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras.export.versions import publish
from tests.attacks.programs import call
from tests.attacks.programs import summary
from tests.programs import Program
from tests.programs import run
from tests.serving.server import ModelServer
from tests.tables import some_quick

ROOT = pathlib.Path(__file__).parents[1]


def run_example(name, *arguments, cwd, status=0):
    """Runs an example as a user does and returns what it prints."""
    result = run(ROOT / "examples" / name, *arguments, cwd=cwd, timeout=300)
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


@pytest.mark.slow
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


@pytest.mark.parametrize("name, shows", [
    pytest.param(
        "attack_and_extend", r"^none +sample +probabilities +0\.\d+", marks=pytest.mark.slow),
    ("defend_and_serve", r"^ +defended +output_0: .*, by ConfidenceBuckets"),
])
def test_notebook(name, shows, tmp_path):
    """Its cells run in their order and draw the figure that it shows."""
    path = ROOT / "examples" / f"{name}.ipynb"
    assert path.stat().st_size < 300_000
    cells = json.loads(path.read_text())["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in codes] == list(range(1, len(codes) + 1))
    assert any(
        "image/png" in output.get("data", {}) for cell in codes for output in cell["outputs"])
    script = tmp_path / "cells.py"
    end = f"plt.savefig({str(tmp_path / 'figure.png')!r})"
    source = "\n\n".join(["".join(cell["source"]) for cell in codes] + [end])
    # Fewer seeds and steps are quicker, and run the same code.
    source = re.sub(r"steps=\d+", "steps=20", source).replace("(0, 1, 2)", "(0, 1)")
    script.write_text(re.sub(r"epochs=\d+", "epochs=3", source))
    output = run_example(script, cwd=tmp_path)
    assert re.search(shows, output, re.M)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


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
    digits = load_digits()  # An audit refuses a model that does not know its classes.
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(digits.images[..., None] / 16, digits.target, epochs=3, verbose=0)
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


@contextlib.contextmanager
def local_server_of(base):
    """The URL at which the example's own server serves a folder of versions."""
    server = Program(ROOT / "examples/tf_serving/local_server.py", base, 0)
    yield server.first_line(60)
    server.send_signal(signal.SIGINT)
    server.communicate(30)
    assert server.returncode == 0


@pytest.fixture(scope="module")
def local_server(served_digits):
    """The URL at which the example's own server serves the model."""
    with local_server_of(served_digits[1]) as url:
        yield url


@pytest.mark.parametrize("protocol, layer", [
    ("rest", ConfidenceBuckets()),
    pytest.param("grpc", Decoy(decoys=3), marks=pytest.mark.slow),
    pytest.param("rest", Decoy(), marks=pytest.mark.slow),
])
def test_the_clients_decode_with_the_table_of_the_export(protocol, layer, served_digits, tmp_path):
    """They print labels and calibrated confidences, and refuse answers of another defence."""
    if protocol == "grpc":
        pytest.importorskip("tensorflow_serving")
    images = load_digits().images[:5, ..., None] / 16
    layer.adapt(served_digits[0].model.predict(images, verbose=0))
    model = DefendedModel(served_digits[0].model, layer)
    path = publish(tmp_path / "digits", functools.partial(model.export, verbose=False))
    table = path / "assets.extra/code_table.json"
    with contextlib.ExitStack() as stack:
        if protocol == "rest":
            arguments = [stack.enter_context(local_server_of(path.parent)), table]
        else:
            server = stack.enter_context(ModelServer(path.parent, name="digits"))
            arguments = [server.grpc_address, "digits", table]
        output = run_example(f"tf_serving/{protocol}_client.py", *arguments, cwd=tmp_path)
        decoded = layer.decode(model.predict(images, verbose=0))
        expected = [
            f"A '{digit}', served as '{label}' with confidence {confidence:.4f}" for digit, label,
            confidence in zip(load_digits().target, decoded.labels, decoded.confidences)
        ]
        assert output.splitlines() == expected
        table.write_text(json.dumps({**json.loads(table.read_text()), "tolerance": 0}))
        run_example(f"tf_serving/{protocol}_client.py", *arguments, cwd=tmp_path, status=1)


def test_the_table_of_one_of_several_outputs(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(pathlib.Path("examples/tf_serving").resolve())
    load = importlib.import_module("code_table").load
    tables = {"serve/a": {"bits": 1}, "serve/b": {"bits": 2}}
    (tmp_path / "table.json").write_text(json.dumps({"outputs": tables}))
    assert load(tmp_path / "table.json", "serve/b") == {"bits": 2}
    with pytest.raises(ValueError, match="`output` must be one of serve/a, serve/b. Received:"):
        load(tmp_path / "table.json")


def test_the_local_server_answers_like_tensorflow_serving(served_digits, local_server):
    """An endpoint finds its version and signature, and gets the model's answers in both formats."""
    model, images = served_digits[0], load_digits().images[:3, ..., None] / 16
    for request_format in ("row", "column"):
        config = EndpointConfig(Address.parse(local_server), request_format=request_format)
        with contextlib.closing(connect(config)) as endpoint:
            assert endpoint.version() == "1"
            dtype = endpoint.signature().input_dtype
            answers, _ = endpoint.predict(images.astype(dtype))
            assert endpoint.version_now() == "1"
        np.testing.assert_allclose(answers, model.predict(images, verbose=0), atol=1e-6)


@pytest.mark.parametrize("path, body, status, message", [
    ("/v1/models/other:predict", b"{}", 404, "not found"),
    ("/v1/models/digits/versions/7:predict", b"{}", 404, "not found"),
    ("/v1/models/digits:classify", b"{}", 404, "not found"),
    ("/v1/models/digits:predict", b"{", 400, "property name"),
    ("/v1/models/digits:predict", b"{}", 400, "'instances' or 'inputs'"),
    ("/v1/models/digits:predict", b'{"instances": [[1, 2], [3]]}', 400, "sequence"),
    ("/v1/models/digits:predict", b'{"instances": []}', 400, "out of range"),
    ("/v1/models/digits:predict", b'{"instances": [1], "signature_name": "x"}', 400, "signature"),
])
def test_the_local_server_refuses_bad_requests(path, body, status, message, local_server):
    """With TensorFlow Serving's statuses, and goes on serving."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(local_server.removesuffix("/v1/models/digits") + path, body, 10)
    assert raised.value.code == status and message in json.load(raised.value)["error"]


@pytest.mark.parametrize("limit, status", some_quick([(1, 0), (0, 2)], [(0, 2)]))
def test_audit_endpoint(served_digits, tmp_path, limit, status):
    """Its exit status is the verdict."""
    with ModelServer(served_digits[1], name="digits") as server:
        output = run_example("audit_endpoint.py",
                             server.rest_url,
                             tmp_path / "audit",
                             limit,
                             5,
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


SMALL = ("--victim_architecture=mlp", "--victim_steps=50", "--clone_architecture=mlp",
         "--budgets=20", "--defences=none")
CLUSTER = ROOT / "examples" / "cluster"


@pytest.mark.slow
def test_two_workers_one_of_which_dies_and_returns(tmp_path):
    """What comes out is what one process gets, but for rounding."""
    together, alone = tmp_path / "together", tmp_path / "alone"
    small = (*SMALL, "--recipes=adam:steps=400,sgd:steps=20", "--recipe_seed=9")
    command = [sys.executable, CLUSTER / "two_workers.py", f"--output_dir={together}", *small]

    deadline = time.monotonic() + 60
    with subprocess.Popen([*map(str, command), "--checkpoint_every=.1"],
                          cwd=ROOT,
                          text=True,
                          stdout=subprocess.PIPE) as example:
        pids = example.stdout.readline().split()[1:]
        while not list(together.glob("cells/.*/*/*/*.index")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(int(pids[1]), signal.SIGKILL)
        assert example.stdout.readline().split()[1:] != pids, "both are started again"
        assert example.wait(120) == 0
    assert call(*small, f"--output_dir={alone}") == 0
    for ours, theirs in zip(summary(together), summary(alone), strict=True):
        told = [[row[name] for name in ("id", "steps", "recipe")] for row in (ours, theirs)]
        assert told[0] == told[1] and "steps=400" in ours["recipe"]
        assert abs(float(ours["agreement_clean"]) - float(theirs["agreement_clean"])) < 0.02
    assert not [path for path in together.rglob(".*")]


@pytest.mark.slow
def test_a_share_of_a_grid(tmp_path):
    """As SLURM starts it: the second half of four cells."""
    environment = {
        **os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "SLURM_ARRAY_TASK_ID": "1",
        "SLURM_ARRAY_TASK_COUNT": "2"
    }
    flags = [*SMALL, "--seeds=0,1", "--steps=5", f"--output_dir={tmp_path / 'grid'}"]
    subprocess.run([CLUSTER / "slurm_array.sh", *flags], cwd=ROOT, env=environment, check=True)
    assert [row["seed"] for row in summary(tmp_path / "grid")] == ["1", "1"]


def test_shares_are_disjoint_ranges_that_leave_nothing_out(tmp_path):
    """With a program that lists seven cells, and says what it is given."""
    (tmp_path / "python").write_text("#!/bin/bash\n"
                                     'if [[ $* == *--list_cells ]]; then seq 7; else echo "$*"; fi')
    (tmp_path / "python").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def share(index, count):
        return subprocess.run([CLUSTER / "share.sh", str(index), str(count), "--steps=5"],
                              cwd=ROOT, env=environment, text=True, capture_output=True,
                              check=False)  # yapf: disable

    for count in (1, 3, 7, 9):
        places = []
        for index in range(count):
            said = share(index, count).stdout
            if found := re.fullmatch(r"-m attacks.run --steps=5 --cells=(\d+)-(\d+)\n", said):
                places += range(int(found[1]), int(found[2]) + 1)
            else:
                assert said.startswith("There are fewer cells than shares")
        assert places == list(range(7))
    assert share(3, 3).returncode == 1 and "must be below COUNT" in share(3, 3).stderr


def test_the_jobs_of_kubernetes():
    """The shares are those of the indexes, and the report is of the same grid in the same pods."""
    yaml = pytest.importorskip("yaml")
    grid, report = yaml.safe_load_all((CLUSTER / "kubernetes_indexed_job.yaml").read_text())
    assert {(job["apiVersion"], job["kind"]) for job in (grid, report)} == {("batch/v1", "Job")}
    assert grid["spec"]["completionMode"] == "Indexed" and report["spec"]["suspend"]
    commands = []
    for job in (grid, report):
        pod = job["spec"]["template"]["spec"]
        assert pod["restartPolicy"] == "Never"
        container, = pod["containers"]
        mounted, = container["volumeMounts"]
        assert [volume["name"] for volume in pod["volumes"]] == [mounted["name"]]
        commands.append(container.pop("command"))
    assert grid["spec"]["template"] == report["spec"]["template"]
    script, index, count, *flags = commands[0]
    assert index == "$(JOB_COMPLETION_INDEX)" and os.access(ROOT / script, os.X_OK)
    assert int(count) == grid["spec"]["completions"]
    assert commands[1] == ["python", "-m", "attacks.run", *flags]
    output, = (flag for flag in flags if flag.startswith("--output_dir="))
    assert output.removeprefix("--output_dir=").startswith(mounted["mountPath"])
    assert call(*flags, "--list_cells") == 0


def test_scripts_are_bash():
    scripts = list((ROOT / "examples").rglob("*.sh"))
    assert len(scripts) == 2
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)


def test_examples_are_short():
    """A user reads them first; the servers are started by tools, not to be read."""
    for path in (ROOT / "examples").rglob("*.py"):
        most = 180 if path.name in ("local_server.py", "real_servers.py") else 60
        assert len(path.read_text().splitlines()) < most, path
