"""Models of Keras: .keras files, and what `DefendedModel.export` writes."""
from concurrent import futures
import os
import pathlib
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras import TopK
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.saved_model import files
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.inspection import inspect_saved_model
from tests.revsig_keras import classifiers
from tests.revsig_keras import reference
from tests.serving import exports
from tests.serving.loaders import answers
from tests.serving.loaders import functions

X = classifiers.X
BOTH = ("serve", "serving_default")


def sequential():
    return classifiers.sequential(classifiers.dense("softmax"))


def functional():
    inputs = keras.Input((6,), name="features")
    return keras.Model(inputs, classifiers.dense("softmax")(inputs))


def two_outputs():
    inputs = keras.Input((6,), name="features")
    hidden = keras.layers.Dense(5, name="hidden")(inputs)
    return keras.Model(inputs, {"scores": classifiers.dense("softmax")(hidden), "hidden": hidden})


def logits():
    return classifiers.sequential(classifiers.dense())


def exported(model, tmp_path, **options):
    """The defended copy of a model, by way of a .keras file."""
    model.save(tmp_path / "model.keras")
    return export(
        ExportConfig(str(tmp_path / "model.keras"), **{
            "output": str(tmp_path / "base"),
            "defence": exports.DEFENCE,
            **options
        }))


def served(path, name=None):
    """The answers of both signatures, which have to be the same; of an output or the only one."""
    graph, = files.read(path).meta_graphs
    inputs = {key: {next(iter(graph.signature_def[key].inputs)): X} for key in BOTH}
    outputs = answers(path, inputs)
    arrays = [outputs[key][name or next(iter(outputs[key]))] for key in BOTH]
    np.testing.assert_array_equal(*arrays)
    return arrays[0]


def formula(clean):
    return np.float64(reference.reverse_sigmoid(clean, exports.BETA, exports.GAMMA, 2.0**-23))


def names_of(path):
    """Input and output names of each signature."""
    graph, = files.read(path).meta_graphs
    return {
        key: (set(signature.inputs), set(signature.outputs))
        for key, signature in graph.signature_def.items()
        if not key.startswith("__")
    }


@pytest.mark.parametrize("make", [sequential, functional])
def test_a_keras_file_is_defended(make, tmp_path):
    """Under the names that Keras itself gives what it exports."""
    model = make()
    clean = model.predict(X, verbose=0)
    result = exported(model, tmp_path)
    np.testing.assert_allclose(served(result.path), formula(clean), atol=1e-5)
    assert result.path == tmp_path / "base" / "1" and not result.report.leaks()
    keras.saving.load_model(tmp_path / "model.keras").export(tmp_path / "plain", verbose=False)
    assert names_of(result.path) == names_of(tmp_path / "plain")


def test_one_of_several_outputs_is_defended(tmp_path):
    model = two_outputs()
    clean = model.predict(X, verbose=0)
    result = exported(model, tmp_path, output_name="scores", drop_outputs=("hidden",))
    np.testing.assert_allclose(served(result.path, "scores"), formula(clean["scores"]), atol=1e-5)
    assert names_of(result.path) == dict.fromkeys(BOTH, ({"features"}, {"scores"}))
    assert not inspect_saved_model(result.path).leaks()
    loaded = tf.saved_model.load(result.path)
    assert not list(functions(loaded))
    y = loaded.signatures["serve"](features=tf.constant(X))
    np.testing.assert_allclose(y["scores"], formula(clean["scores"]), atol=1e-5)


@pytest.mark.parametrize("allowed", [("hidden",), "hidden"])
def test_an_output_that_is_allowed_stays(allowed, tmp_path):
    model = two_outputs()
    result = exported(model, tmp_path, output_name="scores", allow_outputs=allowed)
    np.testing.assert_allclose(served(result.path, "hidden"),
                               model.predict(X, verbose=0)["hidden"],
                               atol=1e-5)
    assert inspect_saved_model(result.path).leaks(allowed) == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, r"`output_name` must name.*Received: output=None.*\['hidden', 'scores'\]"),
        (dict(output_name="probs"), r"Received: output='probs'.*\['hidden', 'scores'\]"),
        (dict(output_name="hidden"), r"must emit class probabilities.*from_logits=true"),
        (dict(output_name="scores"), r"would be clean: hidden .*`drop_outputs`"),
        (dict(output_name="scores", drop_outputs=("hidden", "other")), "`drop_outputs`.*: other$"),
        (dict(output_name="scores", drop_outputs=("hidden",),
              defence=None), "`defence` must be given"),
        # A string is one name, and its letters and parts are none.
        (dict(output_name="scores", allow_outputs="hidden_too"), "would be clean: hidden"),
        (dict(output_name="scores", drop_outputs="hidden_too"), "`drop_outputs`.*: hidden_too$"),
        (dict(output_name="scores",
              drop_outputs=("hidden", "scores")), "`drop_outputs` must leave"),
        (dict(allow_outputs=None), "`allow_outputs` must be a string or several"),
        (dict(defence=ReverseSigmoid()), "`defence` must be a string or several"),
        (dict(output=""), "`output` must be a folder. Received: an empty path"),
    ])
def test_outputs_that_are_not_as_they_have_to_be(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        exported(two_outputs(), tmp_path, **options)
    assert os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("defence", ["reverse_sigmoid", "confidence_buckets"])
def test_a_unit_of_each_row_needs_no_axis_of_its_own(defence, tmp_path):
    source = classifiers.sequential(classifiers.dense("sigmoid", 1), keras.layers.Reshape(()))
    path = exported(source, tmp_path, defence=f"{defence}:multi_label=true").path
    clean = source.predict(X, verbose=0)
    assert clean.shape == served(path).shape == (len(X),)
    np.testing.assert_array_equal(served(path) > 0.5, clean > 0.5)


@pytest.mark.parametrize("name", ["serve/output_0", "serving_default/output_0", "output_0"])
def test_the_only_output_may_be_named_as_in_a_signature(name, tmp_path):
    assert exported(sequential(), tmp_path, output_name=name).path.is_dir()


def test_a_model_of_keras_3_in_memory_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`model` must be a file.*DefendedModel.model.*export"):
        ExportConfig(sequential(), tmp_path / "base", exports.DEFENCE)


def test_logits_are_refused_or_defended_as_such(tmp_path):
    model = logits()
    with pytest.raises(ValueError, match="`defence=reverse_sigmoid:from_logits=true"):
        exported(model, tmp_path)
    assert os.listdir(tmp_path) == ["model.keras"]
    path = exported(model, tmp_path, defence=f"{exports.DEFENCE}:from_logits=true").path
    clean = keras.ops.softmax(model.predict(X, verbose=0))
    np.testing.assert_allclose(served(path), formula(clean), atol=1e-5)


def test_a_defended_model_is_exported_with_its_own_defence(tmp_path):
    clean = sequential()
    model = DefendedModel(clean, ReverseSigmoid(exports.BETA, exports.GAMMA))
    path = exported(model, tmp_path, defence=None).path
    np.testing.assert_allclose(served(path), formula(clean.predict(X, verbose=0)), atol=1e-5)


@pytest.mark.parametrize("options", [{}, dict(defence=None, output_name="output_0")])
def test_a_defended_model_is_not_defended_again(options, tmp_path):
    with pytest.raises(ValueError, match="`model` is defended already.*ReverseSigmoid"):
        exported(DefendedModel(sequential()), tmp_path, **options)
    assert os.listdir(tmp_path) == ["model.keras"]


def test_a_saved_model_of_a_defended_model_is_not_defended_again(tmp_path):
    DefendedModel(sequential()).export(tmp_path / "model")
    with pytest.raises(ValueError, match="defended already"):
        export(exports.config("", tmp_path / "model", tmp_path / "base"))


@pytest.mark.parametrize("content", [None, b"", b"no zip file"])
def test_a_keras_file_that_cannot_be_read(content, tmp_path):
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError,
                       match=f"`model` must be a readable .keras file. Received: "
                       f"{path}") as error_info:
        export(ExportConfig(str(path), str(tmp_path / "base"), exports.DEFENCE))
    assert len(str(error_info.value).splitlines()) == 1
    assert not (tmp_path / "base").exists()


def damaged(data, generator):
    """A copy of the bytes of a file with one kind of damage."""
    place, size = generator.randrange(len(data)), generator.randrange(1, 20)
    return generator.choice([
        data[:place],
        data[:place] + data[place + size:],
        data[:place] + generator.randbytes(size) + data[place + size:],
        data[:place] + bytes([data[place] ^ 1 << generator.randrange(8)]) + data[place + 1:],
    ])


def test_a_damaged_keras_file_is_loaded_or_refused_in_one_line(tmp_path):
    sequential().save(tmp_path / "model.keras")
    data, generator, refused = (tmp_path / "model.keras").read_bytes(), random.Random(0), 0
    for _ in range(60):
        (tmp_path / "damaged.keras").write_bytes(damaged(data, generator))
        try:
            load_keras_file(tmp_path / "damaged.keras", "`model`")
        except ValueError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1
    assert refused > 5


@pytest.mark.parametrize("as_path", [str, pathlib.Path])
def test_a_path_may_be_a_string_or_a_path(as_path, tmp_path):
    sequential().save(tmp_path / "model.keras")
    config = ExportConfig(as_path(tmp_path / "model.keras"), as_path(tmp_path / "base"),
                          exports.DEFENCE)
    assert export(config).path == tmp_path / "base" / "1"


@pytest.mark.parametrize("name", ["model.keras", "model"])
def test_an_export_verifies_each_mark_once(name, tmp_path, monkeypatch):
    sequential().save(tmp_path / name) if name != "model" else sequential().export(tmp_path / name,
                                                                                   verbose=False)
    verified, verify = [], mark.verify

    def counted(*arguments):
        verified.append(arguments)
        return verify(*arguments)

    monkeypatch.setattr(mark, "verify", counted)
    result = export(ExportConfig(tmp_path / name, tmp_path / "base", exports.DEFENCE))
    names = [name for _, name in verified]
    assert names and len(names) == len(set(names)) and result.report.path == str(result.path)


@pytest.mark.parametrize("program", [True, False])
def test_a_defence_that_changes_nothing_is_refused_for_that_reason(program, tmp_path):
    """Not with the advice to leave the scores out or to allow them."""
    with pytest.raises(ValueError, match="TopK.* leaves all scores as they are") as error:
        if program:
            exported(sequential(), tmp_path, defence="top_k:k=4")
        else:
            DefendedModel(sequential(), TopK(4)).export(tmp_path / "served")
    assert "allow" not in str(error.value) and not (tmp_path / "served").exists()


def test_an_export_does_not_disturb_other_threads(tmp_path, monkeypatch):
    """A call in training is not defended, also while the model is exported."""
    model, export_model, outputs = DefendedModel(sequential()), keras.Model.export, []

    def export_slowly(*arguments, **options):
        with futures.ThreadPoolExecutor(1) as thread:
            outputs.append(thread.submit(model, X, training=True).result())
        return export_model(*arguments, **options)

    monkeypatch.setattr(keras.Model, "export", export_slowly)
    model.export(tmp_path / "served")
    np.testing.assert_array_equal(outputs[0], model.model(X))
    assert not inspect_saved_model(tmp_path / "served").leaks()


def test_export_replaces_a_saved_model(tmp_path):
    """All of it: a file that the new one does not have is gone."""
    DefendedModel(functional()).export(tmp_path / "model")
    (tmp_path / "model" / "assets.extra").mkdir()
    model = DefendedModel(sequential())
    model.export(tmp_path / "model")
    np.testing.assert_allclose(served(tmp_path / "model"), model.predict(X, verbose=0), atol=1e-6)
    assert not (tmp_path / "model" / "assets.extra").exists()
    assert os.listdir(tmp_path) == ["model"]


def test_export_replaces_an_empty_folder(tmp_path):
    (tmp_path / "model").mkdir()
    DefendedModel(sequential()).export(str(tmp_path / "model"))
    assert files.is_saved_model(tmp_path / "model") and os.listdir(tmp_path) == ["model"]


def test_export_follows_a_link(tmp_path):
    """What it leads to is replaced, and it stays."""
    DefendedModel(functional()).export(tmp_path / "model", verbose=False)
    (tmp_path / "link").symlink_to(tmp_path / "model")
    DefendedModel(sequential()).export(tmp_path / "link", verbose=False)
    assert (tmp_path / "link").is_symlink() and "features" not in next(
        iter(names_of(tmp_path / "model").values()))[0]  # yapf: disable


def test_export_does_not_replace_the_folder_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (".", tmp_path, "..", tmp_path / "new" / ".."):
        with pytest.raises(ValueError, match="`filepath` must not be the folder of this process"):
            DefendedModel(sequential()).export(path)
    assert os.listdir(tmp_path) == []


def test_an_interrupted_replacement_leaves_the_old_model(tmp_path, monkeypatch):
    DefendedModel(functional()).export(tmp_path / "model", verbose=False)
    before, rename = exports.contents(tmp_path), pathlib.Path.rename

    def interrupted(path, target):
        if path.name == "model" and target == tmp_path / "model":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(pathlib.Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        DefendedModel(sequential()).export(tmp_path / "model", verbose=False)
    assert exports.contents(tmp_path) == before and os.listdir(tmp_path) == ["model"]


def test_export_leaves_alone_what_is_no_saved_model(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "text").write_text("mine")
    for path in (tmp_path / "notes", tmp_path / "notes" / "text"):
        with pytest.raises(ValueError, match="`filepath` must be a folder that is new, empty, or"):
            DefendedModel(sequential()).export(path)
    assert (tmp_path / "notes" / "text").read_text() == "mine"
    assert [path.name for path in tmp_path.rglob("*")] == ["notes", "text"]


@pytest.mark.parametrize("there", [True, False])
def test_a_refusal_leaves_what_was_there(there, tmp_path):
    path = tmp_path / "new" / "model"
    if there:
        DefendedModel(sequential()).export(path)
    before = exports.contents(tmp_path)
    with pytest.raises(ValueError, match="would be clean: hidden.*`allow_outputs`"):
        DefendedModel(two_outputs(), output="scores").export(path)
    assert exports.contents(tmp_path) == before
    assert os.listdir(tmp_path) == (["new"] if there else [])


def test_a_model_can_be_used_and_exported_again_after_a_refusal(tmp_path):
    model = DefendedModel(two_outputs(), output="scores")
    expected = model.predict(X, verbose=0)["scores"]
    with pytest.raises(ValueError, match="would be clean"):
        model.export(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(X, verbose=0)["scores"], expected)
    model.export(tmp_path / "model", allow_outputs=["hidden"])
    np.testing.assert_allclose(served(tmp_path / "model", "scores"), expected, atol=1e-6)
