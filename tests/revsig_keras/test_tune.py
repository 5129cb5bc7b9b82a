"""The tuning program for a model in a file."""
import json

from absl import flags
import keras
import numpy as np
import pytest

import revsig_keras
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from revsig_keras import tune
from revsig_keras.cli import program
from tests.programs import run
from tests.revsig_keras import backends


def call(*arguments):
    """Runs the program in this process; returns what an error says, else 0."""
    values = flags.FlagValues()
    tune.define_flags(values)
    values(["tune", *map(str, arguments)])
    try:
        program.guarded(lambda: tune.main(values), flag_of={name: name for name in values})
    except SystemExit as stop:
        return stop.code
    return 0


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A classifier, a defended one, one that emits logits, and inputs."""
    path = tmp_path_factory.mktemp("tune")
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    inputs = keras.Input((4,))
    logits = keras.layers.Dense(3)(inputs)
    model = keras.Model(inputs, keras.layers.Softmax()(logits))
    model.save(path / "model.keras")
    DefendedModel(model).save(path / "defended.keras")
    keras.Model(inputs, logits).save(path / "logits.keras")
    keras.Model(inputs, keras.layers.Rescaling(2.0)(model(inputs))).save(path / "scores.keras")
    np.savez(path / "inputs.npz", x=x, y=keras.ops.convert_to_numpy(model(x)).argmax(1))
    np.savez(path / "unlabelled.npz", x=x)
    np.savez(path / "wide.npz", x=x[:, :3])
    np.savez(path / "text.npz", x=np.full((3, 4), "a"))
    np.savez(path / "labels.npz", x=x, y=np.arange(60))
    np.savez(path / "empty.npz", z=x)
    np.savez(path / "pickle.npz", x=np.array([[{}]]))
    (path / "no.npz").write_text("no array")
    (path / "no.keras").write_text("no model")
    return path


@backends.only_on("tensorflow", "torch", reason="slow on JAX, as any new process")
def test_the_program(directory):
    """As a user starts it: the table, the line to paste, and the files."""
    result = run("revsig_keras.tune", f"--model={directory}/model.keras",
                 f"--inputs={directory}/inputs.npz", "--max_l1=.2", "--max_ece=.9",
                 f"--json={directory}/frontier.json", f"--plot={directory}/frontier.png")
    assert result.returncode == 0, result.stderr
    title, *_, empty, code, member = result.stdout.splitlines()
    assert title.startswith("Means over 60 rows of 3 classes. Limits: l1 <= 0.2, ece <= 0.9.")
    assert empty == "" and code.startswith("revsig_keras.ReverseSigmoid(beta=")
    layer = eval(code.removeprefix("revsig_keras."), {"ReverseSigmoid": ReverseSigmoid})
    served = make_defence(member.removeprefix("--defence="))
    assert (served.beta, served.gamma) == (layer.beta, layer.gamma)
    record = json.loads((directory / "frontier.json").read_text())
    assert record["code"] == code and record["row"]["beta"] == layer.beta
    assert 0.19 < record["row"]["l1"] <= 0.2
    assert (directory / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_a_defended_model_is_tuned_anew(directory, capsys):
    """From the classifier inside."""
    outputs = []
    for name in ("model", "defended"):
        assert call(f"--model={directory}/{name}.keras", f"--inputs={directory}/unlabelled.npz",
                    "--max_kl_nats=.1") == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


@backends.only_on("tensorflow", reason="the same on every backend")
@pytest.mark.parametrize("defence", ["reverse_sigmoid", "reverse_sigmoid:from_logits=true"])
def test_a_defended_model_of_logits(defence, directory, tmp_path, capsys):
    """Its head is that of its own defence."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    DefendedModel(model, ReverseSigmoid(from_logits=True)).save(tmp_path / "logits.keras")
    assert call(f"--model={tmp_path}/logits.keras", f"--inputs={directory}/inputs.npz",
                f"--defence={defence}", "--max_l1=.3") == 0  # yapf: disable
    *_, code, member = capsys.readouterr().out.splitlines()
    assert code.endswith(", from_logits=True)") and member.endswith(":from_logits=true")


@backends.only_on("tensorflow", reason="SavedModels are of TensorFlow")
def test_a_saved_model_and_its_source_cost_the_same(directory, tmp_path, capsys):
    """Also one of several outputs, of which one is named."""
    model = keras.saving.load_model(directory / "model.keras")
    outputs = {"a": model.output, "b": keras.layers.Dense(2)(model.output)}
    keras.Model(model.input, outputs).export(tmp_path / "two", verbose=False)
    model.export(tmp_path / "model", verbose=False)
    texts = []
    for path, more in ((directory / "model.keras", []), (tmp_path / "model", []),
                       (tmp_path / "two", ["--output_name=a"]),
                       (tmp_path / "two", ["--defence=a=reverse_sigmoid"])):  # yapf: disable
        assert call(f"--model={path}", f"--inputs={directory}/inputs.npz", "--max_l1=.3",
                    *more) == 0  # yapf: disable
        texts.append(capsys.readouterr().out.splitlines()[-1])
    assert texts.pop() == texts[0].replace("=", "=a=", 1)
    assert len(set(texts)) == 1 and texts[0].startswith("--defence=reverse_sigmoid:beta=")


@backends.only_on("tensorflow", reason="the same errors on every backend")
def test_an_output_is_named_once(directory):
    error = call(f"--model={directory}/model.keras", f"--inputs={directory}/inputs.npz",
                 "--max_l1=.3", "--defence=a=reverse_sigmoid", "--output_name=b")  # yapf: disable
    assert "--output_name must be left out where --defence names its output" in error


@backends.only_on("tensorflow", reason="the same errors on every backend")
def test_a_sigmoid_unit(directory, tmp_path, capsys):
    """As a row of two classes, with labels 0 and 1."""
    unit = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    unit.save(tmp_path / "unit.keras")
    with np.load(directory / "inputs.npz") as file:
        np.savez(tmp_path / "inputs.npz", x=file["x"], y=np.arange(60) % 2)
    assert call(f"--model={tmp_path}/unit.keras", f"--inputs={tmp_path}/inputs.npz",
                "--max_l1=.3", "--max_ece=.9") == 0  # yapf: disable
    assert capsys.readouterr().out.startswith("Means over 60 rows of 2 classes.")


@backends.only_on("tensorflow", "torch", reason="the same on every backend")
@pytest.mark.parametrize("defence, kind",
                         [("confidence_buckets", ConfidenceBuckets),
                          ("confidence_buckets:ordered_classes=2", ConfidenceBuckets),
                          ("decoy:decoys=1:seed=4", Decoy)])
def test_a_coded_defence(defence, kind, directory, tmp_path, monkeypatch, capsys):
    """Both lines make the layer of the state that is written, and its costs are those shown."""
    monkeypatch.chdir(tmp_path)
    assert call(f"--model={directory}/model.keras", f"--inputs={directory}/inputs.npz",
                f"--defence={defence}", "--max_ece=.9", "--state=state.json", "--json=table.json",
                "--plot=bits.png") == 0  # yapf: disable
    title, *_, empty, code, member = capsys.readouterr().out.splitlines()
    assert "over 30 rows of 3 classes, with edges and confidences fitted to 30 others" in title
    layers = [
        make_defence(member.removeprefix("--defence=")),
        eval(code, {"revsig_keras": revsig_keras})
    ]
    record = json.loads((tmp_path / "table.json").read_text())
    state = json.loads((tmp_path / "state.json").read_text())
    assert record["state"] == state and record["row"]["bits"] == state["bits"] == layers[0].bits
    assert member == f"--defence={defence}:state=state.json" == f"--defence={record['member']}"
    for layer in layers:
        assert type(layer) is kind and layer.state == state
    options = [{**layer.get_config(), "name": None} for layer in layers]
    assert options[0] == options[1] and (tmp_path / "bits.png").exists()


@backends.only_on("tensorflow", reason="the same on every backend")
def test_a_coded_defence_without_a_file_for_its_state(directory, capsys):
    """The line of Python has the state."""
    assert call(f"--model={directory}/model.keras", f"--inputs={directory}/unlabelled.npz",
                "--defence=decoy:decoys=1", "--max_l1=2") == 0  # yapf: disable
    *_, code, member, note = capsys.readouterr().out.splitlines()
    assert eval(code, {"revsig_keras": revsig_keras}).bits == 0
    assert member == "--defence=decoy:decoys=1:state=FILE.json" and "give --state=FILE.json" in note


@pytest.mark.parametrize("arguments, message", [
    (["--max_l1=0"], "error: --max_l1 must be a finite number above 0"),
    ([], "error: At least one of --max_l1"),
    (["--max_ece=.1", "--inputs={}/unlabelled.npz"], "error: --max_ece needs `labels`"),
    (["--max_auroc_loss=.1", "--inputs={}/unlabelled.npz"], "error: --max_auroc_loss needs"),
    (["--max_auroc_loss=.1"], "error: --max_auroc_loss needs rows that the classifier gets right"),
    (["--max_l1=1", "--state=s.json"], "error: --state must be left out"),
    (["--max_l1=1e-9", "--defence=rounding"], "of rounding is inside"),
    (["--max_l1=1", "--defence=reverse_sigmoid:beta=1"], "with no other option than"),
    (["--max_l1=1", "--defence=confidence_buckets:bits=3"], "error: --defence must leave out bits"),
    (["--max_l1=2", "--defence=decoy:decoys=2"], "below the number of classes by 2"),
    (["--max_l1=2", "--defence=decoy:decoys=1", "--state=a b"], "error: --state must be a path of"),
    (["--max_l1=1e-9", "--defence=confidence_buckets"],
     "error: No number of bits is inside --max_l1=1e-09. The closest has l1="),
    (["--max_l1=1e-9"], "error: No combination of `betas` and `gammas` is inside --max_l1=1e-09"),
    (["--max_l1=1", "--inputs={}/wide.npz"], "of shape (None, 4). Received: x of shape (60, 3)"),
    (["--max_l1=1", "--inputs={}/text.npz"], "--inputs must have what --model takes. Received: x"),
    (["--max_l1=1", "--inputs={}/labels.npz"], "`labels` must be from 0 to 2"),
    (["--max_l1=1", "--inputs={}/empty.npz"], "--inputs must have the arrays that --model takes"),
    (["--max_l1=1", "--inputs={}/pickle.npz"], "without pickled objects"),
    (["--max_l1=1", "--inputs={}/no.npz"], "--inputs must be a readable .npy or .npz file"),
    (["--max_l1=1", "--inputs={}/absent.npz"], "--inputs must be a readable .npy or .npz file"),
    (["--max_l1=1", "--model={}/absent.keras"], "--model must be a readable .keras file"),
    (["--max_l1=1", "--model={}/no.keras"], "--model must be a readable .keras file"),
    (["--max_l1=1", "--model={}/logits.keras"], "emits logits. Add a softmax"),
    (["--max_l1=1", "--model={}/scores.keras"], "--model must emit class probabilities"),
    (["--max_l1=1", "--json={}"], "Is a directory"),
    (["--max_l1=1", "--plot={}/a.nothing"], "not supported"),
])  # yapf: disable
def test_bad_input(directory, arguments, message):
    """An error of a line or two."""
    given = [f"--model={directory}/model.keras", f"--inputs={directory}/inputs.npz",
             *(argument.replace("{}", str(directory)) for argument in arguments)]  # yapf: disable
    error = call(*given)
    assert error.startswith("error: ") and message.replace("{}", str(directory)) in error
    assert error.count("\n") <= 1
