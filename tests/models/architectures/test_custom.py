"""Architectures in a user's own file."""
import random
import sys

import keras
import numpy as np
import pytest

from models import architectures
from models.architectures import custom
from models.processes.strategy import make_strategy
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer

NETS = """
import keras
import numpy as np

def functional(shape, classes, seed):
    inputs = keras.Input(shape)
    x = keras.layers.Dense(8, "relu")(keras.layers.Flatten()(inputs))
    x = keras.layers.Dropout(.5)(keras.layers.BatchNormalization()(x))
    return keras.Model(inputs, keras.layers.Dense(classes)(x))

class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.hidden, self.head = keras.layers.Dense(8), keras.layers.Dense(classes)

    def call(self, inputs):
        return self.head(self.hidden(inputs))

def subclassed(shape, classes, seed):
    return Net(classes)

def sequential(shape, classes, seed):
    return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(classes)])

def sequential_of_inputs(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), *sequential(shape, classes, seed).layers])

def shared(shape, classes, seed, made=[]):
    made = made or made.append(functional(shape, classes, seed)) or made
    return made[0]

def untrainable(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten()])

def not_finite(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(
        classes, bias_initializer=keras.initializers.Constant(float("nan")))])

def softmax(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(),
                             keras.layers.Dense(classes, "softmax")])

def wrong_classes(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(classes + 1)])

def wrong_shape(shape, classes, seed):
    return keras.Sequential([keras.Input((7,)), keras.layers.Dense(classes)])

def drawn_elsewhere(shape, classes, seed):
    return keras.Sequential([keras.Input(shape), keras.layers.Dense(
        classes, kernel_initializer=keras.initializers.RandomNormal(seed=np.random.randint(1e9)))])

def failing(shape, classes, seed):
    raise KeyError("no such\\nlayer")

def leaving(shape, classes, seed):
    raise SystemExit("no GPU")

def no_model(shape, classes, seed):
    return 3

number = 7
"""

KINDS = ["functional", "subclassed", "sequential", "sequential_of_inputs"]


@pytest.fixture(name="file", scope="module")
def fixture_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "nets.py"
    path.write_text(NETS)
    return path


def build(file, function, seed=0, shape=(4,), **options):
    return architectures.build(f"custom:file={file}:function={function}", shape, 3, seed, **options)


@pytest.mark.parametrize("function", KINDS)
def test_any_keras_model_is_taken_and_follows_from_the_seed(file, function):
    state = random.getstate()
    first, same, other = (build(file, function, seed) for seed in (1, 1, 2))
    assert random.getstate() == state
    assert first.input_shape == (None, 4) and first.output_shape == (None, 3)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    for training in (False, True):
        outputs = [model(x, training=training).numpy() for model in (first, same, other)]
        assert np.array_equal(outputs[0], outputs[1]) and not np.array_equal(outputs[0], outputs[2])
    whole = architectures.with_softmax(first)(x)
    np.testing.assert_allclose(whole, keras.ops.softmax(first(x)), rtol=1e-5)


@pytest.mark.parametrize("function", KINDS)
def test_it_is_trained_like_any_other(file, function):
    x = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    targets = np.eye(3)[x[:, :3].argmax(axis=1)]
    trainer = Trainer(lambda seed: build(file, function, seed), lambda: keras.optimizers.Adam(.03),
                      20, make_strategy("one_device"))
    first = trainer.train(TrainingPlan(x, targets, 150, seed=1))
    assert np.mean(trainer.predict(first.weights, x).argmax(1) == targets.argmax(1)) > .85
    again = trainer.train(TrainingPlan(x, targets, 150, seed=1))
    for one, other in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("function, message", [
    ("softmax", "softmax of .*nets.py must return a model that emits logits. Received: one that "
     "emits probabilities; leave its softmax out"),
    ("wrong_classes", r"with 3 logits per row. Received: outputs of shape \(batch, 4\)"),
    ("wrong_shape", r"of inputs of shape \(4,\) with one output. Received: "
     "ValueError: Input 0 .*expected"),
    ("drawn_elsewhere", "must draw everything random from its seed. Received: other weights"),
    ("shared", "must build a new model in each call. Received: two that share weights"),
    ("untrainable", "a model that can be trained. Received: one without trainable weights"),
    ("not_finite", "emits logits, finite numbers. Received: NaN or infinity"),
    ("failing", r"failing of .*nets.py failed for the arguments \(4,\), 3, 0: KeyError: "),
    ("no_model", "must return a keras.Model. Received: int"),
    ("leaving", r"leaving of .*nets.py failed for the arguments .*: SystemExit: no GPU"),
    ("number", "`function` must be the name of a function of .*nets.py. Received: 'number'"),
    ("nothing", "`function` must be the name of a function of .*nets.py. Received: 'nothing'"),
])  # yapf: disable
def test_what_a_function_returns_is_checked(file, function, message):
    with pytest.raises(ValueError, match=message) as error:
        build(file, function)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text, message", [
    ("def build_model(:", "nets.py must run without an error. Received: SyntaxError"),
    ("import no_such_module", "Received: ModuleNotFoundError: No module named 'no_such_module'"),
    ("1 / 0", "Received: ZeroDivisionError: division by zero"),
    ("raise SystemExit(3)", "nets.py must run without an error. Received: SystemExit: 3"),
])  # yapf: disable
def test_a_file_that_does_not_run_is_named(tmp_path, text, message):
    (tmp_path / "nets.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        build(tmp_path / "nets.py", "build_model")


def test_the_home_directory_can_be_written_short(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    member = "custom:file=~/nets.py:function=functional"
    assert architectures.build(member, (4,), 3, seed=0).output_shape == (None, 3)
    assert architectures.digest(member) == architectures.digest(
        f"custom:file={file}:function=functional")


def test_a_missing_file_is_refused_before_anything_is_built():
    for member in ("custom", "custom:file=nowhere.py"):
        with pytest.raises(ValueError, match="`file` must be an existing Python file"):
            architectures.ARCHITECTURES.make(member)


def test_lower_precision_is_refused(file):
    with pytest.raises(ValueError, match="`precision` must be float32 .*Received: mixed_bfloat16"):
        build(file, "functional", precision="mixed_bfloat16")


def test_the_digest_is_that_of_the_file_and_a_changed_file_is_run_again(tmp_path, monkeypatch):
    """Whether or not Python keeps what it compiles."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "nets.py"
    digests = []
    for units in (2, 5):
        path.write_text(NETS.replace("Dense(8", f"Dense({units}"))
        member = f"custom:file={path}:function=functional"
        digests.append(architectures.digest(member))
        assert build(path, "functional").layers[2].units == units
    assert len({*digests}) == 2 and all(len(digest) == 64 for digest in digests)
    assert architectures.digest("mlp") is None


def test_a_function_is_tried_once_for_each_shape(file, monkeypatch):
    monkeypatch.setattr(custom, "_known", set())
    tried = []
    monkeypatch.setattr(custom, "check_classifier", lambda *arguments: tried.append(arguments[1]))
    for shape in ((4,), (4,), (5,)):
        build(file, "functional", shape=shape)
    assert tried == [(4,), (5,)]
