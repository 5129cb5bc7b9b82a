"""Makes the files in `data`, by which later versions are held to what the first one did.

    python -m tests.compatibility.make_fixtures

The files were made with commit 7acd8d3, `marks` with a8794df, and stay as they are. This program
needs that commit, with this folder and the files `programs.py` and `serving/relay.py` of `tests` of
a later one; a later version adds files of its own. The library and its programs write every format;
nothing is written by hand.
"""
import gzip
import json
import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf

import revsig_keras
from revsig_keras import metrics
from revsig_keras.saved_model import mark
from tests.compatibility import audited
from tests.compatibility import public
from tests.compatibility.programs import run_all
from tests.programs import Program
from tests.serving.fault import Fault
from tests.serving.saved_models import SOURCES

ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(__file__).parent / "data"
CLASSES, FEATURES = 6, 5
DEFENCE = "reverse_sigmoid:beta=1:gamma=.2"


def softmax(z, axis=-1):
    y = np.exp(z - z.max(axis=axis, keepdims=True))
    return np.float32(y / y.sum(axis=axis, keepdims=True))


def rows():
    """Probabilities from flat to saturated, with ties, zeros and one-hot rows."""
    rng = np.random.default_rng(0)
    scale = np.repeat([0.1, 1, 4, 30], 10)[:, np.newaxis]
    y = softmax(scale * rng.normal(size=(40, CLASSES)))
    y[3, :2] = y[13, 2:4] = 0.3
    extra = np.float32([np.eye(CLASSES)[2], np.full(CLASSES, 1 / 6), [0.5, 0.5, 0, 0, 0, 0]])
    return np.concatenate([y / y.sum(axis=1, keepdims=True), extra])


def logits():
    return np.float32(5 * np.random.default_rng(1).normal(size=(40, CLASSES)))


def units():
    y = np.random.default_rng(2).random((40, CLASSES)).astype("float32")
    y[0], y[1] = [0, 1, 0.5, 1e-6, 1 - 1e-6, 0.25], 0.5
    return y


def maps():
    """Classes on axis 1."""
    return softmax(np.random.default_rng(3).normal(size=(8, CLASSES, 2, 3)), axis=1)


def defences():
    """By name: a defence, and what it receives."""
    r = revsig_keras
    return {
        "reverse_sigmoid": (r.ReverseSigmoid(), rows()),
        "strong": (r.ReverseSigmoid(beta=1.9, gamma=0.1), rows()),
        "literal": (r.ReverseSigmoid(preserve_top1=False), rows()),
        "forced": (r.ReverseSigmoid(0.5, 0.4, apply_in_training=True), rows()),
        "logits": (r.ReverseSigmoid(from_logits=True), logits()),
        "units": (r.ReverseSigmoid(multi_label=True), units()),
        "unit_logits": (r.ReverseSigmoid(from_logits=True, multi_label=True), logits()),
        "axis": (r.ReverseSigmoid(axis=1), maps()),
        "rounding": (r.Rounding(), rows()),
        "rounding_fine": (r.Rounding(decimals=3), rows()),
        "top_1": (r.TopK(), rows()),
        "top_3": (r.TopK(k=3), rows()),
        "label_only": (r.LabelOnly(), rows()),
        "random_noise": (r.RandomNoise(), rows()),
        "random_noise_strong": (r.RandomNoise(scale=0.7, seed=12), rows()),
    }  # yapf: disable


def dense(name, units, activation, seed):
    """A layer with weights of its own."""
    layer = keras.layers.Dense(units, activation, name=name)
    layer.build((None, FEATURES))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def sequential(units=CLASSES, activation="softmax"):
    return keras.Sequential([keras.Input(
        (FEATURES,)), dense("scores", units, activation, 4)],
                            name="classifier")


def models():
    """By name: a defended model."""
    r = revsig_keras
    inputs = keras.Input((FEATURES,), name="features")
    outputs = {
        "scores": dense("scores", CLASSES, "softmax", 5)(inputs),
        "size": dense("size", 1, "relu", 6)(inputs)
    }
    compiled = r.DefendedModel(sequential(), name="compiled")
    compiled.compile("sgd",
                     "sparse_categorical_crossentropy",
                     metrics=[
                         metrics.BrierScore(),
                         metrics.ConfidenceAUROC(),
                         metrics.ExpectedCalibrationError()
                     ])
    return {
        "defended": r.DefendedModel(sequential(), name="defended"),
        "defended_unit": r.DefendedModel(sequential(1, "sigmoid"), name="unit"),
        "defended_logits": r.DefendedModel(sequential(activation=None),
                                           r.ReverseSigmoid(0.5, from_logits=True), name="logits"),
        "defended_top_k": r.DefendedModel(sequential(), r.TopK(2), name="top_k"),
        "defended_output": r.DefendedModel(keras.Model(inputs, outputs, name="two"),
                                           output="scores", name="output"),
        "compiled": compiled,
    }  # yapf: disable


def make_keras_files():
    """`keras/NAME.keras`, and the inputs, answers and configurations of all."""
    folder = fresh("keras")
    arrays, configs = {}, {}
    for name, (defence, x) in defences().items():
        model = keras.Sequential([keras.Input(x.shape[1:]), defence], name=name)
        arrays |= {f"{name}/x": x, f"{name}/training": model(x, training=True)}
        arrays[f"{name}/y"] = model.predict(x, verbose=0)
        np.testing.assert_allclose(model(x), arrays[f"{name}/y"], atol=1e-6)
        configs[name] = defence.get_config()
        model.save(folder / f"{name}.keras")
    x = np.random.default_rng(7).normal(size=(64, FEATURES)).astype("float32")
    labels = np.random.default_rng(8).integers(CLASSES, size=64)
    for name, model in models().items():
        answers = model.predict(x, verbose=0)
        for key, value in answers.items() if isinstance(answers, dict) else [("y", answers)]:
            arrays[f"{name}/{key}"] = value
        arrays[f"{name}/x"] = x
        configs[name] = model.defence.get_config()
        if model.compiled:
            arrays[f"{name}/labels"] = labels
            for key, value in model.evaluate(x, labels, verbose=0, return_dict=True).items():
                arrays[f"{name}/evaluate/{key}"] = value
        model.save(folder / f"{name}.keras")
    np.savez_compressed(folder / "answers.npz", **arrays)
    write_json(folder / "configs.json", configs)


def make_exports():
    """`exports/NAME`, SavedModels by `export` and the program, their answers, and `inspect`'s."""
    folder = fresh("exports")
    revsig_keras.DefendedModel(sequential(),
                               revsig_keras.ReverseSigmoid(0.7)).export(folder / "keras",
                                                                        verbose=False)
    commands = []
    for name in ("module", "v1_frozen"):
        SOURCES[name].build(folder / f"{name}.source")
        commands.append(("revsig_keras.export", f"--model={folder / name}.source",
                         f"--output={folder / name}.base", f"--defence={DEFENCE}"))
    check(run_all(commands))
    arrays = {}
    for name in ("keras", "module", "v1_frozen"):
        if name != "keras":
            (folder / f"{name}.base" / "1").rename(folder / name)
            shutil.rmtree(folder / f"{name}.base")
            shutil.rmtree(folder / f"{name}.source")
        arrays |= answers(folder, name)
    np.savez_compressed(folder / "answers.npz", **arrays)
    paths = [str((folder / name).relative_to(ROOT)) for name in ("keras", "module", "v1_frozen")]
    found = check(run_all([("revsig_keras.inspect", "--json", path) for path in paths]))
    write_json(folder / "inspected.json", {path: json.loads(out) for path, (_, out, _) in
                                           zip(paths, found)})  # yapf: disable


def answers(folder, name):
    """The inputs and answers of the signatures that take numbers."""
    arrays = {}
    for key, signature in tf.saved_model.load(str(folder / name)).signatures.items():
        if name == "keras":
            x = np.random.default_rng(7).normal(size=(20, FEATURES)).astype("float32")
            inputs = dict.fromkeys(signature.structured_input_signature[1], x)
        else:
            inputs = SOURCES[name].inputs(20)[key]
        if any(array.dtype == object for array in inputs.values()):
            continue
        outputs = signature(**{name: tf.constant(value) for name, value in inputs.items()})
        for side, tensors in (("inputs", inputs), ("outputs", outputs)):
            for tensor, value in tensors.items():
                value = np.asarray(value)
                value = value.astype("S") if value.dtype == object else value
                arrays[f"{name}|{key}|{side}|{tensor}"] = value
    return arrays


def make_marks():
    """`marks/NAME.pb.gz`, graphs that call a marked defence of many classes."""
    folder, scores = fresh("marks"), tf.TensorSpec((None, 100))
    for name, from_logits in (("probabilities", False), ("logits", True)):
        defence = mark.marked(revsig_keras.ReverseSigmoid(from_logits=from_logits))
        caller = tf.function(lambda x, defence=defence: defence(x), autograph=False)
        graph = caller.get_concrete_function(scores).graph.as_graph_def(add_shapes=True)
        path = folder / f"{name}.pb.gz"
        path.write_bytes(gzip.compress(graph.SerializeToString(), mtime=0))


def make_results():
    """`results`, the directory of a tiny run without its figure, which is drawn from the cells."""
    folder = fresh("results")
    check(run_all([("attacks.run", *audited.SMALL_RUN, f"--output_dir={folder}")]))
    (folder / "agreement.png").unlink()


def make_audit():
    """`audit`: data, and the directory of an audit that a broken connection has ended halfway."""
    folder = fresh("audit")
    audited.write_data(folder / "vectors.npz")
    whole, half = folder / "whole", folder / "half"
    with audited.served(folder / "model") as server:
        check([finished(Program("attacks.run", *audited.AUDIT, audited.OWNED,
                                f"--output_dir={whole}"))])  # yapf: disable
        expected = {"rows_of_a_whole_audit": server.rows}
    with audited.served(folder / "model") as server:
        before = []

        def fault(call):
            if server.rows >= 60:
                before.append(server.rows)
                return Fault(cut="reset")

        server.fault = fault
        status, _, err = finished(
            Program("attacks.run", *audited.AUDIT, audited.OWNED, f"--output_dir={half}"))
        assert status == 1 and len(before) == 1, err
        expected["rows_answered"] = before[0]
        expected["rows_in_doubt"] = server.rows - before[0]
    shutil.rmtree(whole)
    shutil.rmtree(folder / "model")
    for name in ("ledger.sqlite.lock", "ledger.sqlite.reserve"):
        (half / name).unlink(missing_ok=True)
    write_json(folder / "expected.json", expected)


def make_public():
    """The flags, members, names and signatures."""
    helps = public.helps()
    write_json(
        DATA / "public.json", {
            "flags": {
                program: {
                    name: {key: value for key, value in flag.items() if key != "help"}
                    for name, flag in flags.items()
                } for program, flags in helps.items()
            },
            "members": {name: listed(helps["attacks.run"][name]["help"])
                        for name in public.LISTING},
            "names": {module.__name__: module.__all__ for module in (revsig_keras, metrics)},
            "signatures": public.signatures(),
            "registered": public.registered_names(),
        })  # yapf: disable


def listed(text):
    """The members that the help text of a flag ends with."""
    text = text.split(" (")[0]
    for introduction in ("defaults: ", "architecture, of "):
        text = text.split(introduction)[-1]
    return public.members(text)


def finished(process):
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def check(results):
    for status, _, err in results:
        assert status == 0, err
    return results


def fresh(name):
    shutil.rmtree(DATA / name, ignore_errors=True)
    (DATA / name).mkdir(parents=True)
    return DATA / name


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    DATA.mkdir(exist_ok=True)
    make_public()
    make_keras_files()
    make_exports()
    make_marks()
    make_results()
    make_audit()
