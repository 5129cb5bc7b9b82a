"""Victims that were trained elsewhere, of every form."""
import dataclasses
import sys

import keras
import numpy as np
import pytest

from models import victim as victims
from models.data import splits
from models.victim import VictimFile
from models.victim.own import loading
from models.victim.own.preprocessing import Preprocessing
from models.victim.own.source import Source
from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from tests.models.victim import own_victims
from tests.models.victim.own_victims import CLASSES
from tests.models.victim.own_victims import DATASET
from tests.models.victim.own_victims import expected
from tests.models.victim.own_victims import keras_model
from tests.models.victim.own_victims import KERNEL
from tests.models.victim.own_victims import SHAPE
from tests.models.victim.own_victims import X
from tests.models.victim.own_victims import Y

PARTS = splits.split(DATASET, 0, for_victim=False)


@pytest.fixture(name="directory", scope="module")
def fixture_directory(tmp_path_factory):
    directory, path = tmp_path_factory.mktemp("victims"), list(sys.path)
    own_victims.write_all(directory)
    yield directory
    sys.path[:] = path


def load(path, dataset=DATASET, parts=PARTS, **options):
    victim = VictimFile(path, **options)
    assert victim.is_own
    return victims.load_own_victim(victim, dataset, parts)


FORMS = {
    "a Keras file with a softmax": ("{}/softmax.keras", {}, "probabilities"),
    "an old Keras file that emits logits": ("{}/logits.h5", {}, "logits"),
    "a Keras file of bytes": ("{}/bytes.keras", {"victim_range": (0, 255)}, "probabilities"),
    "a Keras file of seven rows": ("{}/seven.keras", {}, "probabilities"),
    "a SavedModel that Keras has exported": ("{}/exported", {}, "probabilities"),
    "a signature of several": ("{}/exported", {"victim_signature": "serve"}, "probabilities"),
    "a module of vectors of bytes": ("{}/module", {"victim_signature": "score",
                                                   "victim_output": "logits"}, "logits"),
    "its labels": ("{}/module", {"victim_signature": "score", "victim_output": "label"}, "labels"),
    "a signature of seven rows": ("{}/module", {"victim_signature": "classify"}, "probabilities"),
    "a module around a Keras model": ("{}/around", {}, "probabilities"),
    "an imported function": ("python:own_victim_functions:predict", {}, "probabilities"),
    "a function of a file": ("custom:file={}/functions.py", {}, "probabilities"),
    "one that answers with labels": ("custom:file={}/functions.py:function=labels", {}, "labels"),
}  # yapf: disable


@pytest.mark.parametrize("form, options, kind", FORMS.values(), ids=FORMS)
def test_it_answers_inputs_of_the_data_set(directory, form, options, kind):
    path = form.format(directory)
    victim = load(path, **options)
    wanted = expected()
    if kind == "labels":
        wanted = np.eye(CLASSES)[wanted.argmax(axis=1)]
    answers = victim.probabilities(X)
    assert answers.dtype == np.float32 and victim.num_classes == CLASSES
    np.testing.assert_allclose(answers, wanted, atol=1e-5)
    assert victim.probabilities(X[:0]).shape == (0, CLASSES)
    logs = victim.log_probabilities(X)
    if kind == "labels":
        assert logs is None and victim.labels_only
    else:
        np.testing.assert_allclose(logs, np.log(expected()), atol=1e-4)
    record = victim.record
    assert record["answers"] == kind and record["training_rows"] == "unknown"
    tested = PARTS.test
    accuracy = np.mean(victim.probabilities(tested.x).argmax(axis=1) == tested.y)
    assert record["accuracy"]["test"] == accuracy > .5
    assert len(victim.fingerprint()) == 64 and str(directory) not in str(record)
    assert load(path, **options).fingerprint() == victim.fingerprint()


def test_fingerprints_tell_victims_apart(directory):
    forms = [(form.format(directory), options) for form, options, _ in FORMS.values()]
    prints = [load(path, **options).fingerprint() for path, options in forms]
    # The functions that are imported and read from a file are the same.
    assert len(set(prints)) == len(prints) - 1


def test_a_function_whose_weights_are_elsewhere_is_told_by_its_answers(tmp_path):
    file, weights, prints = tmp_path / "nets.py", tmp_path / "kernel.npy", []
    file.write_text("import numpy as np\ndef predict(inputs):\n"
                    f"    kernel = np.load({str(weights)!r})\n"
                    "    return inputs.reshape(len(inputs), -1) @ kernel\n")
    for kernel in (KERNEL, KERNEL[::-1]):
        np.save(weights, kernel)
        prints.append(load(f"custom:file={file}").fingerprint())
    assert prints[0] != prints[1]


def test_a_function_is_asked_once_for_each_row(tmp_path):
    """Its answers may cost money."""
    file, log = tmp_path / "nets.py", tmp_path / "rows"
    file.write_text("import numpy as np\ndef predict(inputs):\n"
                    f"    print(len(inputs), file=open({str(log)!r}, 'a'))\n"
                    "    return np.tile(inputs.mean(axis=(1, 2)), [1, 3]) * [1, 2, 3]\n")
    assert load(f"custom:file={file}").kind == "logits"
    asked = sum(map(int, log.read_text().split()))
    assert asked == len(PARTS.evaluation) + len(PARTS.test) + loading._ASKED_AGAIN


@pytest.mark.parametrize("drawn, varies", [("rng.normal(size=(len(inputs), 3))", True),
                                           ("1e-5 * rng.normal(size=(len(inputs), 3))", False)])
@pytest.mark.parametrize("answer", ["predict", "labels"])
def test_a_function_that_answers_at_random_is_noticed(tmp_path, caplog, drawn, varies, answer):
    file = tmp_path / "nets.py"
    file.write_text(
        own_victims.FUNCTIONS.replace("@ KERNEL\n    exp", f"@ KERNEL + {drawn}\n    exp") +
        "\nrng = np.random.default_rng()\n")
    member = f"custom:file={file}:function={answer}"
    victim = load(member)
    assert victim.record["answers_vary"] == varies
    assert ("answers the same inputs differently" in caplog.text) == varies
    assert load(member).fingerprint() == victim.fingerprint()


def test_the_home_directory_can_be_written_short(directory, monkeypatch):
    monkeypatch.setenv("HOME", str(directory))
    assert load("custom:file=~/functions.py").kind == "probabilities"


def test_a_path_may_have_spaces(directory, tmp_path):
    folder = tmp_path / "my nets"
    folder.mkdir()
    for file in ("softmax.keras", "functions.py"):
        (folder / file).write_bytes((directory / file).read_bytes())
    assert load(folder / "softmax.keras").kind == "probabilities"


def test_images_are_brought_to_the_models_size_and_channels(tmp_path):
    kernel = np.tile(np.repeat(KERNEL.reshape(4, 4, 1, 3), 3, axis=2) / 3, 1)
    large = np.kron(kernel.reshape(4, 4, 9), np.ones([2, 2, 1])).reshape(8, 8, 3, 3) / 4
    keras_model("softmax", (8, 8, 3), large.reshape(-1, 3)).save(tmp_path / "large.keras")
    smooth = np.repeat(np.repeat(X[:, :1, :1], 4, axis=1), 4, axis=2)
    victim = load(tmp_path / "large.keras")
    np.testing.assert_allclose(victim.probabilities(smooth),
                               expected(smooth.reshape(-1, 16) @ KERNEL),
                               atol=1e-5)
    assert victim.record["resized"] and victim.record["input_shape"] == [8, 8, 3]


@pytest.mark.parametrize("activation, kind", [("sigmoid", "probabilities"), (None, "logits")])
def test_one_unit_is_the_second_of_two_classes(tmp_path, activation, kind):
    dataset = dataclasses.replace(DATASET, y=Y % 2, num_classes=2)
    parts = splits.split(dataset, 0, for_victim=False)
    keras_model(activation, kernel=KERNEL[:, :1]).save(tmp_path / "unit.keras")
    victim = load(tmp_path / "unit.keras", dataset, parts)
    logits = X.reshape(-1, 16) @ KERNEL[:, 0]
    wanted = expected(np.stack([np.zeros_like(logits), logits], axis=1))
    np.testing.assert_allclose(victim.probabilities(X), wanted, atol=1e-5)
    assert victim.kind == kind


def two_inputs():
    inputs = [keras.Input(SHAPE), keras.Input(SHAPE)]
    return keras.Model(inputs, keras.layers.Flatten()(keras.layers.Add()(inputs)))


def write_unfit(directory):
    (directory / "leaving.py").write_text("raise SystemExit('no GPU')")
    two_inputs().save(directory / "two.keras")
    keras_model(shape=(5,), kernel=KERNEL[:5]).save(directory / "five.keras")
    (directory / "damaged.keras").write_bytes(b"PK not a Keras file")
    model, inputs = keras_model("softmax"), keras.Input(SHAPE)
    keras.Model(inputs, {"a": model(inputs), "b": model(inputs)}).save(directory / "outputs.keras")
    defence = ReverseSigmoid()
    keras.Model(inputs, defence(model(inputs))).save(directory / "layer.keras")
    defended = DefendedModel(model, defence)
    defended.save(directory / "defended.keras")
    defended.export(directory / "defended")


REFUSED = {
    "a damaged file": ("{}/damaged.keras", {}, "must be a readable Keras file. Received: .*keras"),
    "two inputs": ("{}/two.keras", {}, "`victim` must have one input. Received: "),
    "other inputs": ("{}/five.keras", {}, r"the data's shape \(4, 4, 1\).*takes \(5,\)"),
    "outputs of a Keras file": ("{}/outputs.keras", {}, "`victim_output` must name the output .*"
                                r"Received: output=None, where the outputs are: \['a', 'b'\]"),
    "a defended Keras file": ("{}/defended.keras", {}, "`victim` must be undefended"),
    "a defended layer": ("{}/layer.keras", {}, "`victim` must be undefended"),
    "a defended SavedModel": ("{}/defended", {}, "`victim` must be undefended"),
    "an infinite range": ("{}/softmax.keras", {"victim_range": (0, float("inf"))}, "finite"),
    "no such signature": ("{}/module", {}, "`victim_signature` must be one of the model's "
                          "signatures: classify, score. Received: 'serving_default'"),
    "several outputs": ("{}/module", {"victim_signature": "score"}, "`victim_output` must be one of"
                        r" the signature's outputs: label \(int64\), logits .*Received: no name"),
    "text": ("{}/module", {"victim_signature": "score", "victim_output": "text"},
             "must be numbers"),
    "no such module": ("python:no_such_module:predict", {}, "No module named 'no_such_module'"),
    "no function's name": ("python:own_victim_functions", {}, "must be python:MODULE:FUNCTION"),
    "no such function": ("python:own_victim_functions:nothing", {}, "must name a function"),
    "no function": ("custom:file={}/functions.py:function=number", {}, "name of a function"),
    "a Python file": ("{}/functions.py", {}, "must be custom:file=.*functions.py:function=NAME"),
    "no such file": ("custom:file=nowhere.py", {}, "custom:file=FILE:function=NAME"),
    "no such option": ("custom:file={}/functions.py:name=f", {}, "custom:file=FILE:function=NAME"),
    "a failing function": ("custom:file={}/functions.py:function=failing", {},
                           "`victim` must answer. Received: .*RuntimeError: out of$"),
    "a function that ends the program": ("custom:file={}/functions.py:function=leaving", {},
                                         "`victim` must answer. Received: .*SystemExit: 3$"),
    "a file that ends the program": ("custom:file={}/leaving.py", {},
                                     "leaving.py must run without an error. Received: SystemExit"),
    "a module that ends the program": ("python:leaving:predict", {}, "python:leaving:predict: Sys"),
    "a path with a space": ("custom:file=my nets.py", {}, "without spaces or empty parts."),
    "sigmoids": ("custom:file={}/functions.py:function=sigmoids", {},
                 "must be probabilities, logits or labels, and numbers in .* are none of these"),
    "more classes": ("custom:file={}/functions.py:function=more_classes", {},
                     "must have 3 classes, as the data has. Received: 5 numbers"),
    "NaN": ("custom:file={}/functions.py:function=not_finite", {}, "NaN or infinity"),
    "a signature of a Keras file": ("{}/softmax.keras", {"victim_signature": "serve"},
                                    "`victim_signature` must be left out for the victim"),
    "an output of a function": ("python:own_victim_functions:predict", {"victim_output": "y"},
                                "`victim_output` must be left out"),
    "a range that is none": ("{}/softmax.keras", {"victim_range": (1, 0)}, "in this order"),
}  # yapf: disable


@pytest.mark.parametrize("form, options, message", REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(directory, form, options, message):
    if not (directory / "two.keras").exists():
        write_unfit(directory)
    with pytest.raises(ValueError, match=message) as error:
        load(form.format(directory), **options)
    assert "\n" not in str(error.value)


def test_what_models_train_has_written_is_not_trained_elsewhere(tmp_path):
    for name in ("victim.keras", "victim.json", "alone.keras"):
        (tmp_path / name).touch()
    for path, is_own in ((tmp_path, False), (tmp_path / "victim.keras", False),
                         (tmp_path / "alone.keras", True), (tmp_path / "nothing.keras", False)):
        assert VictimFile(path).is_own == is_own


@pytest.mark.parametrize("dtype, given, message", [
    ("int64", None, "`victim_range` must be given for a model that takes int64, such as 0,255"),
    ("bool", None, "`victim_range` must be given for a model that takes bool, such as 0,1"),
    ("int8", (0.0, 255.0), "`victim_range` must be within what int8 holds, -128 to 127.*0,255"),
    ("uint8", (-1.0, 1.0), "`victim_range` must be within what uint8 holds, 0 to 255.*-1,1"),
])
def test_a_range_in_which_integers_lose_the_inputs_is_refused(dtype, given, message):
    source = Source("model", "function", lambda x: x, "", None, np.dtype(dtype))
    with pytest.raises(ValueError, match=message):
        Preprocessing((2, 3), (0.0, 1.0), given, source)


@pytest.mark.parametrize("dtype, given, expected", [("uint8", None, [0, 102, 255]),
                                                    ("bool", (0.0, 1.0), [0, 0, 1]),
                                                    ("int8", (-128.0, 127.0), [-128, -26, 127])])
def test_integers_are_rounded(dtype, given, expected):
    source = Source("model", "function", lambda x: x, "", None, np.dtype(dtype))
    prepare = Preprocessing((3,), (0.0, 1.0), given, source)
    np.testing.assert_array_equal(prepare(np.float32([[0, 0.4, 1]])), [expected])
