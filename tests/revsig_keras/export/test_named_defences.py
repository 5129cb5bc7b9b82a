"""Several outputs defended at once from the shell, one `--defence=NAME=MEMBER` each."""
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from revsig_keras.export.named_defences import make_defences
from revsig_keras.saved_model.code_table import CODE_TABLE
from revsig_keras.saved_model.inspection import inspect_saved_model
from tests.revsig_keras.programs import refused
from tests.revsig_keras.programs import run
from tests.serving import linear
from tests.serving import saved_models_v2 as v2
from tests.serving.loaders import answers
from tests.serving.saved_models import DEFAULT
from tests.tables import some_quick

LABEL, TAGS = "reverse_sigmoid:beta=1.5", "reverse_sigmoid:multi_label=true"
DEFENCES = {"label/out": ReverseSigmoid(beta=1.5), "tags": ReverseSigmoid(multi_label=True)}
X = linear.draw(32)

READ = {
    LABEL: {None: LABEL},
    f"label={LABEL}": {"label": LABEL},
    f"serve/a:b=c/d={LABEL}": {"serve/a:b=c/d": LABEL},
    f"top_k:0={LABEL}": {"top_k:0": LABEL},
    "a=top_k=label_only": {"a=top_k": "label_only"},
    f"none={LABEL}": {"none": LABEL},
}  # yapf: disable


@pytest.mark.parametrize("text", READ)
def test_a_text_is_read(text):
    (name, defence), = make_defences([text]).items()
    (expected, member), = READ[text].items()
    assert name == expected
    (_, alone), = make_defences([member]).items()
    assert type(defence) is type(alone)
    assert getattr(defence, "beta", None) == getattr(alone, "beta", None)


@pytest.mark.parametrize("texts, message", [
    (["none"], "must be a defence. Received: none"),
    (["label=none"], "must be a defence. Received: label=none"),
    (["label=nothing"], "A member must be|Unknown defence"),
    (["label=reverse_sigmoid:alpha=1"], "Unknown option 'alpha'.*takes: beta"),
    (["reverse_sigmoid:alpha=1"], "Unknown option 'alpha'.*takes: beta"),
    (["label=reverse_sigmoid:beta=-1"], "`beta` must"),
    ([LABEL, TAGS], "must name its output, as NAME=MEMBER"),
    ([f"label={LABEL}", TAGS], "must name its output, as NAME=MEMBER"),
    ([f"label={LABEL}", f"label={TAGS}"], "once for each output. Received: label"),
])
def test_a_text_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        make_defences(texts)


def module(path):
    """Two heads in one signature, one of them in another too, and a label."""
    model = v2.Linear()

    def serve(x):
        logits = model(x)
        y = tf.nn.softmax(logits)
        return {"label/out": y, "tags": tf.nn.sigmoid(logits), "best": tf.argmax(y, -1)}

    model.serve = v2.served(serve, v2.floats())
    model.tag = v2.served(lambda x: {"tags": tf.nn.sigmoid(model(x))}, v2.floats())
    tf.saved_model.save(model, path, {DEFAULT: model.serve, "tag": model.tag})
    return path


def keras_file(path):
    inputs = keras.Input((linear.FEATURES,), name="features")
    outputs = {
        "label/out": keras.layers.Dense(4, "softmax")(inputs),
        "tags": keras.layers.Dense(4, "sigmoid")(inputs)
    }
    keras.Model(inputs, outputs).save(f"{path}.keras")
    return f"{path}.keras"


def listed(path):
    """A model of a list of outputs, which Keras calls output_0 and output_1."""
    inputs = keras.Input((linear.FEATURES,), name="features")
    keras.Model(inputs, [
        keras.layers.Dense(4, "softmax")(inputs),
        keras.layers.Dense(4, "sigmoid")(inputs),
    ]).save(f"{path}.keras")
    return f"{path}.keras"


NAMED = {
    "module": (module, {}, [f"label/out={LABEL}", f"tags={TAGS}"]),
    "module by signature": (module, {}, [
        f"{DEFAULT}/label/out={LABEL}", f"{DEFAULT}/tags={TAGS}", f"tag/tags={TAGS}"
    ]),
    "keras": (keras_file, {}, [f"label/out={LABEL}", f"tags={TAGS}"]),
    "keras by signature": (keras_file, {}, [f"serve/label/out={LABEL}",
                                            f"serving_default/tags={TAGS}"]),
    "list": (listed, {"output_0": "label/out", "output_1": "tags"},
             [f"0={LABEL}", f"serve/output_1={TAGS}"]),
}  # yapf: disable


@pytest.mark.parametrize("case", some_quick(NAMED.keys(), ["module", "keras"]))
def test_several_outputs_are_defended(case, tmp_path):
    """Each by its own defence, and the report tells which."""
    build, names, texts = NAMED[case]
    source = build(tmp_path / "model")
    run(f"--model={source}", f"--output={tmp_path / 'base'}",
        *(f"--defence={text}" for text in texts))
    folder = tmp_path / "base" / "1"
    if build is module:
        plain = source
    else:
        plain = tmp_path / "plain"
        keras.saving.load_model(source).export(plain, verbose=False)
    inputs = {DEFAULT: {"features": X}}
    before, after = answers(plain, inputs)[DEFAULT], answers(folder, inputs)[DEFAULT]
    assert list(before) == list(after)
    for name, values in after.items():
        defence = DEFENCES.get(names.get(name, name), lambda label: label)
        np.testing.assert_allclose(values, defence(before[name]), 1e-5)
    report = inspect_saved_model(folder)
    assert not report.leaks()


def test_the_report_and_the_code_tables_tell_the_defences_apart(tmp_path):
    """An output is defended by what its data pass, not by what the graph has."""
    source = module(tmp_path / "model")
    run(f"--model={source}", f"--output={tmp_path / 'base'}",
        "--defence=label/out=decoy:bits=1:decoys=1", f"--defence=tags={TAGS}", "--drop_output=best")
    folder = tmp_path / "base" / "1"
    report = inspect_saved_model(folder)
    found = {output.name: output.reason for output in report.outputs}
    assert found["tags"] == "by ReverseSigmoid" and found["label/out"] == "by Decoy"
    table = json.loads((folder / CODE_TABLE).read_text())
    assert table == make_defence("decoy:bits=1:decoys=1").table(4)
    # Python finds the default signature under a private name too.
    assert f"attribute signatures.{DEFAULT}" in str(report) and "attribute _" not in str(report)


def test_two_coded_outputs_have_two_tables(tmp_path):
    """By signature and output; equal ones are one."""
    inputs = keras.Input((linear.FEATURES,), name="features")
    outputs = {
        name: keras.layers.Dense(size, "softmax")(inputs) for name, size in (("a", 3), ("b", 5))
    }
    source = str(tmp_path / "two.keras")
    keras.Model(inputs, outputs).save(source)
    run(f"--model={source}", f"--output={tmp_path / 'base'}",
        "--defence=a=confidence_buckets:bits=1", "--defence=b=confidence_buckets:bits=2")
    table = json.loads((tmp_path / "base" / "1" / CODE_TABLE).read_text())
    assert sorted(table) == ["outputs"]
    assert set(table["outputs"]) == {
        f"{signature}/{name}" for signature in ("serve", DEFAULT) for name in outputs
    }
    assert table["outputs"]["serve/a"] != table["outputs"]["serve/b"]


REFUSED = {
    "unnamed": (["--defence=" + LABEL, "--defence=" + TAGS], "--defence must name its output"),
    "repeated": ([f"--defence=tags={TAGS}", f"--defence=tags={TAGS}"], "--defence must be given"),
    "one tensor twice": ([f"--defence=tags={TAGS}", f"--defence=tag/tags={TAGS}",
                          f"--defence=label/out={LABEL}"], "--defence must be given once"),
    "unknown": ([f"--defence=tugs={TAGS}"], "output_name='tugs', where there are"),
    "with an output": ([f"--defence=tags={TAGS}", "--output_name=tags"],
                       "--output_name must be left out"),
    "two outputs": (["--defence=" + LABEL, "--output_name=tags", "--output_name=label/out"],
                    "--output_name must be one output.*--defence=NAME=MEMBER"),
}  # yapf: disable


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("build", [module, keras_file])
def test_a_choice_that_is_not_one_is_refused(case, build, tmp_path, capsys):
    if case == "one tensor twice" and build is keras_file:
        case = "unnamed"
    source = build(tmp_path / "model")
    options, told = REFUSED[case]
    line = refused(capsys, f"--model={source}", f"--output={tmp_path / 'base'}", *options)
    if case == "unknown" and build is keras_file:
        told = "--output_name must name.*Received: output='tugs'"
    assert re.search(told, line), line


def test_all_that_several_candidates_need_is_told_at_once(tmp_path, capsys):
    source = module(tmp_path / "model")
    line = refused(capsys, f"--model={source}", f"--output={tmp_path / 'base'}",
                   f"--defence={LABEL}")
    assert re.search("--output_name must.*--drop_output.*--allow_output", line), line


def test_an_output_may_be_named_as_the_message_lists_it(tmp_path):
    source = module(tmp_path / "model")
    run(f"--model={source}", f"--output={tmp_path / 'base'}", f"--defence={LABEL}",
        f"--output_name={DEFAULT}/label/out", "--allow_output=tags")
    assert (tmp_path / "base" / "1").exists()
