"""The export that chooses the strength, for every head, source and defence; and `tune` likewise."""
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import revsig_keras
from revsig_keras import make_defence
from revsig_keras.export import CostLimits
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.strength.score_rows import choose_for_scores
from tests.revsig_keras.export.test_named_defences import keras_file
from tests.revsig_keras.export.test_named_defences import module
from tests.revsig_keras.programs import refused
from tests.revsig_keras.programs import run
from tests.serving import linear
from tests.serving.loaders import answers
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.tables import some_quick

ROWS = 200
X = linear.draw(ROWS)
Y = linear.logits(linear.draw(ROWS, seed=0), 4).argmax(1)
LIMIT = 0.1
WORDS = SOURCES["module_strings"].inputs(ROWS)[DEFAULT]["words"].astype("S")


@keras.saving.register_keras_serializable(package="tests")
class Own(keras.Model):
    """A model that tells nothing of its inputs before it is called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4, "softmax")

    def call(self, inputs):
        return self.dense(inputs)


def of_layers(*layers):
    """A builder of a Keras file, always with the same weights."""

    def build(path):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((linear.FEATURES,), name="features")
        fresh = [layer.from_config(layer.get_config()) for layer in layers]
        keras.Sequential([inputs, *fresh]).save(path)
        return path

    return build


def two_inputs(path):
    keras.utils.set_random_seed(1)
    inputs = [keras.Input((2,), name="a"), keras.Input((4,), name="b")]
    scores = keras.layers.Dense(4, "softmax")(keras.layers.Concatenate()(inputs))
    keras.Model(inputs[::-1], scores).save(path)
    return path


def own(path):
    keras.utils.set_random_seed(1)
    model = Own()
    model(X)
    model.save(path)
    return path


def defended(path):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((linear.FEATURES,)), keras.layers.Dense(4)])
    defence = revsig_keras.ReverseSigmoid(from_logits=True)
    revsig_keras.DefendedModel(model, defence).save(path)
    return path


def zoo(name):
    return lambda path: SOURCES[name].build(str(path.with_suffix(""))) or path.with_suffix("")


DENSE = keras.layers.Dense
# Builder of the source, its rows, and the defence.
CASES = {
    "softmax": (of_layers(DENSE(4, "softmax")), {"x": X}, None),
    "by the input's name": (of_layers(DENSE(4, "softmax")), {"features": X}, "random_noise:seed=1"),
    "one unit": (of_layers(DENSE(1, "sigmoid")), {"x": X}, "reverse_sigmoid:gamma=.1"),
    "logits": (of_layers(DENSE(4)), {"x": X}, "reverse_sigmoid:from_logits=true"),
    "labels": (of_layers(DENSE(4, "sigmoid")), {"x": X}, "reverse_sigmoid:multi_label=true"),
    "axis": (of_layers(keras.layers.Reshape((3, 2)), keras.layers.Softmax(axis=1)), {"x": X},
             "reverse_sigmoid:axis=1"),
    "two inputs": (two_inputs, {"b": X[:, :4], "a": X[:, :2]}, "random_noise"),
    "withheld classes": (of_layers(DENSE(40, "softmax")), {"x": X}, "top_k"),
    "never called": (own, {"x": X}, "rounding"),
    "defended": (defended, {"x": X}, None),
    "coded": (of_layers(DENSE(4, "softmax")), {"x": X}, "decoy:decoys=1"),
    "SavedModel": (zoo("module_text"), {"x": X}, None),
    "strings": (zoo("module_strings"), {"x": WORDS}, None),
    "labels of a SavedModel": (zoo("module_multi_label"), {"x": X},
                               "reverse_sigmoid:multi_label=true"),
    "reference variables": (zoo("v1_ref"), {"x": X}, "confidence_buckets"),
}  # yapf: disable


BOTH, LABELLED = "both", "--max_brier_loss=.9"
TWO = ["--defence=label/out=reverse_sigmoid", "--defence=tags=reverse_sigmoid:multi_label=true"]


def written(tmp_path, arrays):
    np.savez(tmp_path / "rows.npz", **arrays)
    return str(tmp_path / "rows.npz")


def distance(before, after, layer):
    """Mean L1 distance of rows of classes, of units as rows of two."""
    if layer.multi_label or before.shape[layer.axis] == 1:
        return 2 * np.abs(before - after).mean()
    return np.abs(before - after).sum(layer.axis).mean()


# The heads that the limit is also tried on, below.
OF_ONE_KIND = ("one unit", "logits", "labels", "axis")

# The others differ in the source or the defence, which has its own tests.
QUICK = ("softmax", "coded", "two inputs", "SavedModel")


@pytest.mark.parametrize("case", some_quick(CASES.keys(), QUICK))
def test_the_strongest_inside_the_limit_is_exported(case, tmp_path, capsys):
    """Its text for --defence makes the same model, its line of Python the same layer."""
    build, rows, defence = CASES[case]
    source = build(tmp_path / "model.keras")
    given = [] if defence is None else [f"--defence={defence}"]
    state = ["--state=" + str(tmp_path / "state.json")] if case in ("coded",
                                                                    "reference variables") else []
    run(f"--model={source}", f"--output={tmp_path / 'base'}",
        f"--inputs={written(tmp_path, rows)}", "--max_l1=1.2" if state else f"--max_l1={LIMIT}",
        *given, *state)  # yapf: disable
    text = capsys.readouterr().out
    title, *_ = text.splitlines()
    assert title.startswith("Means over ") and text.splitlines()[-1] == str(tmp_path / "base/1")
    code, member = re.search(r"\n\n(revsig_keras\..*)\n--defence=(.*)\n", text).groups()
    layers = [make_defence(member), eval(code, {"revsig_keras": revsig_keras})]
    assert [type(layer) for layer in layers] == 2 * [type(layers[0])]
    configs = [{**layer.get_config(), "name": None} for layer in layers]
    assert configs[0] == configs[1]
    if case == "defended":
        assert layers[0].from_logits
    else:
        run(f"--model={source}", f"--output={tmp_path / 'base'}", f"--defence={member}")
        signature, name = _input(tmp_path / "base/1")
        x = {signature: {name: rows["x"]} if "x" in rows else dict(rows)}
        first, second = (answers(tmp_path / "base" / version, x)[signature] for version in "12")
        for name, values in first.items():
            np.testing.assert_array_equal(values, second[name])


def _input(path):
    """A signature that takes what the rows have, and the first of its inputs."""
    signatures = tf.saved_model.load(str(path)).signatures
    signature = "predict" if "predict" in signatures else DEFAULT
    return signature, next(iter(signatures[signature].structured_input_signature[1]))


@pytest.mark.parametrize("case", some_quick(["softmax", *OF_ONE_KIND], ["logits", "labels"]))
def test_the_limit_is_used_up_on_the_rows(case, tmp_path):
    """The mean distance between clean and served answers is what the table says."""
    build, rows, defence = CASES[case]
    source = build(tmp_path / "model.keras")
    config = ExportConfig(source,
                          tmp_path / "base",
                          defence or "reverse_sigmoid",
                          inputs=written(tmp_path, rows),
                          limits=CostLimits(max_l1=LIMIT))
    exported = export(config)
    choice, = exported.choices.values()
    model = keras.saving.load_model(source)
    clean = choice.layer().clean(model.predict(X, verbose=0))
    loaded = tf.saved_model.load(exported.path)
    served = loaded.serve(X)
    moved = distance(np.asarray(clean), np.asarray(served), choice.layer())
    assert 0.97 * LIMIT < moved <= 1.001 * LIMIT
    assert choice.row.l1 == pytest.approx(moved, rel=1e-3)


@pytest.mark.parametrize("build", some_quick([module, keras_file], [module]))
def test_several_outputs(build, tmp_path, capsys):
    """Each is chosen by its own labels, and named in its line."""
    source = build(tmp_path / "model")
    tags = np.random.default_rng(1).integers(2, size=(ROWS, 4))
    rows = written(tmp_path, {"features": X, "y/label/out": Y, "y/tags": tags})
    arguments = [f"--model={source}", f"--output={tmp_path / 'base'}", "--max_l1=.5",
                 "--max_brier_loss=.5", f"--inputs={rows}", "--defence=label/out=reverse_sigmoid",
                 "--defence=tags=reverse_sigmoid:multi_label=true"]  # yapf: disable
    run(*arguments)
    text = capsys.readouterr().out
    lines = re.findall(r"^--defence=(.*)$", text, re.MULTILINE)
    assert [line.split("=reverse_sigmoid")[0] for line in lines] == ["label/out", "tags"]
    assert lines[1].endswith(":multi_label=true") and "Brier" in text
    run(f"--model={source}", f"--output={tmp_path / 'base'}", *(f"--defence={x}" for x in lines))
    first, second = (answers(tmp_path / "base" / version, {DEFAULT: {"features": X}})[DEFAULT]
                     for version in "12")  # yapf: disable
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


@pytest.mark.parametrize("labels, options, message", [
    (["y/lable"], [BOTH], "labels of the outputs.*y/label/out or y/tags. Received: y/lable"),
    (["y"], [BOTH], "labels of the outputs.*y/label/out or y/tags. Received: y$"),
    (["y/label/out", "y/tag"], [BOTH], "Received: y/tag$"),
    (["y/label/out"], [BOTH], None),
    (["y/tags"], ["--output_name=label/out"], "as y. Received: y/tags"),
    (["y/label/out", "y/tags"], ["--output_name=label/out", LABELLED], None),
    (["y/tags"], ["--defence=label/out=reverse_sigmoid"], "as y/label/out. Received: y/tags"),
    (["y"], ["--defence=label/out=reverse_sigmoid", LABELLED], None),
])
def test_labels_of_no_output_are_told(labels, options, message, tmp_path, capsys):
    """A slip of the pen does not leave an output without its labels, which a limit needs."""
    options = [text for option in options for text in ([option] if "=" in option else TWO)]
    tags = np.random.default_rng(1).integers(2, size=(ROWS, 4))
    arrays = {name: tags if name.startswith("y/tag") else Y for name in labels}
    arguments = [f"--model={module(tmp_path / 'model')}", f"--output={tmp_path / 'base'}",
                 f"--inputs={written(tmp_path, {'features': X, **arrays})}", "--max_l1=.5",
                 "--allow_output=tags", *options]  # yapf: disable
    if message is None:
        run(*arguments)
    else:
        line = refused(capsys, *arguments)
        assert re.search(message, line), line


def test_labels_of_an_input_called_y(tmp_path):
    """An array that the model takes is no label."""
    inputs = keras.Input((linear.FEATURES,), name="y")
    keras.Model(inputs, keras.layers.Dense(4, "softmax")(inputs)).save(tmp_path / "m.keras")
    for arrays in ({"y": X}, {"y": X, "y/dense": Y}):
        rows = written(tmp_path, arrays)
        config = ExportConfig(tmp_path / "m.keras",
                              tmp_path / "base",
                              inputs=rows,
                              limits=CostLimits(max_l1=LIMIT))
        assert export(config).choices[None].num_rows == ROWS


@pytest.mark.parametrize("option", ["from_logits=false", "axis=-1", "multi_label=false"])
def test_a_head_that_is_spelled_out_is_the_same(option):
    scores = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    first, second = (choose_for_scores(scores, None, text, {"max_l1": LIMIT})
                     for text in ("reverse_sigmoid", f"reverse_sigmoid:{option}"))  # yapf: disable
    configs = [{**choice.layer().get_config(), "name": None} for choice in (first, second)]
    assert configs[0] == configs[1] and first.row == second.row


KEPT = {
    "random_noise": (revsig_keras.RandomNoise(0.5, seed=1234), ["seed"]),
    "decoy": (revsig_keras.Decoy(decoys=1, decimals=3, seed=7), ["decoys", "decimals", "seed"]),
    "confidence_buckets": (revsig_keras.ConfidenceBuckets(ordered_classes=3), ["ordered_classes"]),
    "rounding": (revsig_keras.Rounding(5), []),
    "reverse_sigmoid": (revsig_keras.ReverseSigmoid(0.1, 0.9), ["preserve_top1"]),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_not_chosen_stays_as_it_was(name, softmax_file, tmp_path):
    """Of a model that is defended already: the seed of its noise, the order that it tells."""
    defence, kept = KEPT[name]
    model = revsig_keras.DefendedModel(keras.saving.load_model(softmax_file), defence)
    model.save(tmp_path / "defended.keras")
    config = ExportConfig(tmp_path / "defended.keras",
                          tmp_path / "base",
                          inputs=written(tmp_path, {"x": X}),
                          limits=CostLimits(max_l1=1.5))
    layer = next(iter(export(config).choices.values())).layer()
    assert type(layer) is type(defence)
    for key in kept:
        assert getattr(layer, key) == getattr(defence, key)


def test_a_formula_that_cannot_be_chosen_is_told(softmax_file, tmp_path):
    model = revsig_keras.DefendedModel(keras.saving.load_model(softmax_file),
                                       revsig_keras.ReverseSigmoid(preserve_top1=False))
    model.save(tmp_path / "literal.keras")
    config = ExportConfig(tmp_path / "literal.keras",
                          tmp_path / "base",
                          inputs=written(tmp_path, {"x": X}),
                          limits=CostLimits(max_l1=LIMIT))
    with pytest.raises(ValueError, match="no other option.*preserve_top1=false"):
        export(config)


@pytest.mark.parametrize("rows", [7, 19])
def test_batches_of_a_fixed_size_take_all_rows(rows, softmax_file, tmp_path):
    """The strength is chosen on every row and label, although the last batch is not full."""
    model = keras.saving.load_model(softmax_file)
    model.export(tmp_path / "fixed",
                 verbose=False,
                 input_signature=[keras.InputSpec(shape=(8, linear.FEATURES), dtype="float32")])
    chosen = []
    for source in (softmax_file, tmp_path / "fixed"):
        config = ExportConfig(source,
                              tmp_path / "base",
                              inputs=written(tmp_path, {
                                  "x": X[:rows],
                                  "y": Y[:rows]
                              }),
                              limits=CostLimits(max_l1=LIMIT))
        chosen.append(export(config).choices[None])
    assert chosen[0].num_rows == chosen[1].num_rows == rows
    assert chosen[0].row.l1 == pytest.approx(chosen[1].row.l1, rel=1e-3)


SOFTMAX = of_layers(DENSE(4, "softmax"))
L1 = "--max_l1=1"
REFUSED = {
    "no rows": ([], [L1], "--inputs must be a file of rows where --max_l1 is given"),
    "no limit": ({"x": X}, [], "--inputs must be left out unless there is a limit, such as --max"),
    "a state for nothing": ([], ["--defence=label_only", "--state=s.json"], "--state must be left"),
    "a state of no code": ({"x": X}, [L1, "--state=s.json"], "--state must be left out"),
    "nothing inside": ({"x": X}, ["--max_l1=1e-9"], "No combination .* inside --max_l1=1e-09"),
    "no bits": ({"x": X}, ["--max_l1=1e-9", "--defence=decoy:decoys=1"], "No number of bits"),
    "no setting": ({"x": X}, ["--max_l1=1e-9", "--defence=label_only"], "No setting of label"),
    "no labels": ({"x": X}, ["--max_auroc_loss=.1"], "--max_auroc_loss needs .labels."),
    "fewer labels": ({"x": X, "y": Y[1:]}, ["--max_ece=.9"], "labels.* one class for each"),
    "other inputs": ({"z": X, "w": X}, [L1], "--inputs must have .*features of shape"),
    "another shape": ({"x": X[:, 1:]}, [L1], r"--inputs must have.*\(None, 6\).*\(200, 5\)"),
    "no arrays": ({"y": Y}, [L1], "--inputs must have an array x"),
    "fewer rows": ({"a": X, "b": X[1:]}, [L1], "--inputs must have as many rows"),
    "a strength": ({"x": X}, [L1, "--defence=reverse_sigmoid:beta=1"],
                   "--defence must be one whose strength can be chosen"),
    "the defence none": ({"x": X}, [L1, "--defence=none"], "--defence must be a defence"),
    "logits": ({"x": X}, [L1, "--defence=reverse_sigmoid:from_logits=true"], "ends in a softmax"),
}  # yapf: disable


@pytest.fixture(scope="module")
def softmax_file(tmp_path_factory):
    return SOFTMAX(tmp_path_factory.mktemp("softmax") / "model.keras")


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_nothing(case, softmax_file, tmp_path, capsys):
    rows, options, message = REFUSED[case]
    if rows:
        options = [f"--inputs={written(tmp_path, rows)}", *options]
    if "--defence=label_only" not in options and not rows:
        options = [*options, "--defence=reverse_sigmoid"]
    line = refused(capsys, f"--model={softmax_file}", f"--output={tmp_path / 'base'}", *options)
    assert re.search(message, line), line
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("options, message", [
    (["--defence=a=reverse_sigmoid", "--defence=reverse_sigmoid"], "must name its output"),
    (["--defence=label/out=top_k", "--defence=tags=top_k"], "tags: .*multi_label=true"),
    (["--defence=label/out=reverse_sigmoid", "--output_name=tags"], "--output_name must be left"),
    ([], "--output_name must name"),
])
@pytest.mark.parametrize("build", some_quick([module, keras_file], [keras_file]))
def test_several_outputs_are_refused(build, options, message, tmp_path, capsys):
    """Without a name, with one that is not there, or with a defence that does not fit."""
    source = build(tmp_path / "model")
    if build is keras_file:
        message = message.replace("tags: ", "")
    line = refused(capsys, f"--model={source}", f"--output={tmp_path / 'base'}", "--max_l1=1",
                   f"--inputs={written(tmp_path, {'x': X})}", *options)
    assert re.search(message, line), line
