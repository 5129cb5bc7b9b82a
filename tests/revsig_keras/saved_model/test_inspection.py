"""Each output of a SavedModel is defended, a label or clean, and what is clean is found."""
import pathlib

import keras
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.inspection import inspect_saved_model
from tests.serving import files
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.serving.saved_models_v2 import floats
from tests.serving.saved_models_v2 import Linear
from tests.serving.saved_models_v2 import served

each_source = pytest.mark.parametrize("name", SOURCES)


def statuses(path, kind="signature"):
    """Of each output, by (signature or path, output)."""
    return {
        (output.where.split(" ", 1)[1], output.name): output.status
        for output in inspect_saved_model(path).outputs
        if output.where.startswith(kind)
    }


@each_source
def test_each_output_of_a_signature_has_its_status(name, source_folder):
    """A label in digits, and what is the same for all inputs, tells no more than a label."""
    source = SOURCES[name]
    expected = dict.fromkeys(source.scores.items(), "clean")
    for output, kind in source.other.items():
        expected[output] = "label" if kind in ("constant", "text") else kind
    assert statuses(source_folder(name)) == expected
    report = inspect_saved_model(source_folder(name))
    assert {frozenset(output.tags) for output in report.outputs} == set(map(frozenset, source.tags))


@each_source
def test_what_python_can_call_is_found(name, source_folder):
    """By its path, and signatures by their names."""
    source = SOURCES[name]
    report = inspect_saved_model(source_folder(name))
    found = {output.where for output in report.outputs if not output.where.startswith("signature")}
    signatures = [f"signatures.{signature}" for signature in source.encode]
    expected = {*source.attributes, *(signatures if source.attributes else [])}
    # Of tables; they are no concern of who loads the model.
    found = {where for where in found if "._" not in where}
    # A function is listed once, by the shortest path.
    assert found <= {*(f"attribute {x}" for x in expected), *(f"alias {x}" for x in source.aliases)}
    assert found >= {f"attribute {path}" for path in source.attributes}
    assert found >= {f"alias {alias}" for alias in source.aliases}


def test_each_side_door_is_clean(source_folder):
    leaks = {(leak.where, leak.name)
             for leak in inspect_saved_model(source_folder("module_side_doors")).leaks()}
    assert leaks >= {("attribute explain", "output"), ("attribute serve", "debug/0"),
                     ("attribute inner.serve", "scores"), ("attribute inner.logits", "logits"),
                     ("signature logits", "logits")}
    assert {where for where, _ in leaks} >= {"alias fast"}


def classifier(outputs=None):
    """A Keras model; `outputs` are made of its logits."""
    inputs = keras.Input((6,), name="features")
    logits = keras.layers.Dense(4)(inputs)
    y = keras.layers.Softmax()(logits)
    return keras.Model(inputs, y if outputs is None else outputs(logits, y))


@pytest.mark.parametrize("text", [
    "reverse_sigmoid:beta=.7", "reverse_sigmoid:preserve_top1=false", "rounding:decimals=1",
    "top_k:k=2", "label_only", "random_noise", "confidence_buckets", "decoy:decoys=1"
])
def test_what_a_defended_model_exports_is_defended(text, tmp_path):
    DefendedModel(classifier(), make_defence(text)).export(tmp_path / "model", verbose=False)
    report = inspect_saved_model(tmp_path / "model")
    assert {output.where for output in report.outputs} == {
        "signature serve", "signature serving_default", "attribute serve",
        "attribute signatures.serve", "attribute signatures.serving_default"
    }
    assert {output.status for output in report.outputs} == {"defended"}
    is_told = ["(labels may change)" in output.reason for output in report.outputs]
    assert set(is_told) == {text.endswith("preserve_top1=false")}
    assert not report.leaks()


@pytest.mark.parametrize("text", ["reverse_sigmoid", "confidence_buckets", "decoy", "label_only"])
def test_a_defence_without_a_mark_is_clean(text, tmp_path):
    """And no label, though a code is made by an argmax."""
    model = keras.Sequential([classifier(), make_defence(text)])
    model.export(tmp_path / "model", verbose=False)
    report = inspect_saved_model(tmp_path / "model")
    assert {output.status for output in report.outputs} == {"clean"}


def test_a_defended_model_with_a_clean_output_is_not_exported(tmp_path):
    model = classifier(lambda logits, y: {"scores": y, "logits": logits})
    defended = DefendedModel(model, output="scores")
    with pytest.raises(ValueError, match="these would be clean: logits"):
        defended.export(tmp_path / "model", verbose=False)
    assert not list(tmp_path.iterdir())
    defended.export(tmp_path / "model", verbose=False, allow_outputs=["logits"])
    found = statuses(tmp_path / "model")
    assert found[DEFAULT, "scores"] == "defended" and found[DEFAULT, "logits"] == "clean"


def test_outputs_in_a_list_have_one_name_in_signatures_and_functions(tmp_path):
    """So that it is enough to allow an output once."""
    defended = DefendedModel(classifier(lambda logits, y: [y, logits]), output=0)
    defended.export(tmp_path / "model", verbose=False, allow_outputs=["output_1"])
    found = {
        (output.where, output.name) for output in inspect_saved_model(tmp_path / "model").leaks()
    }
    assert found == {
        (where, "output_1")
        for where in ("attribute serve", "attribute signatures.serve",
                      f"attribute signatures.{DEFAULT}", "signature serve", f"signature {DEFAULT}")
    }


def saved(path, outputs, *specs, defence=None):
    """A module whose one signature has the `outputs` made of the logits and of what defends."""
    model, function = Linear(), mark.marked(defence or ReverseSigmoid())
    model.serve = served(lambda x, *more: outputs(model(x), function, *more), floats(), *specs)
    tf.saved_model.save(model, path, signatures=model.serve)
    return path


def test_what_is_computed_from_defended_scores_is_defended(tmp_path):

    def outputs(logits, defend):
        y = defend(tf.nn.softmax(logits))
        values, indices = tf.math.top_k(y, 2)
        return {"top_values": values, "top_indices": indices, "logits": tf.math.log(y)}

    assert set(statuses(saved(tmp_path, outputs)).values()) == {"defended"}


def test_names_that_lie_do_not_matter(tmp_path):

    def outputs(logits, defend):
        y = tf.nn.softmax(logits)
        return {
            "defended": tf.identity(y, "revsig_keras_defence"),
            "label": logits,
            "clean_logits": defend(y),
            "probabilities": tf.argmax(y, -1)
        }

    found = {name: status for (_, name), status in statuses(saved(tmp_path, outputs)).items()}
    assert found == {
        "defended": "clean",
        "label": "clean",
        "clean_logits": "defended",
        "probabilities": "label"
    }


@pytest.mark.parametrize("leak", [
    lambda y: tf.strings.as_string(y), lambda y: tf.shape(tf.where(y > 0.3))[0],
    lambda y: tf.reduce_max(y, -1), lambda y: tf.cast(255 * y, "uint8"),
    lambda y: tf.math.top_k(y, 2).indices, lambda y: tf.argmax(y, 0),
    lambda y: tf.reduce_sum(y * tf.math.log(y), -1), lambda y: tf.sparse.from_dense(y),
    lambda y: tf.RaggedTensor.from_tensor(y)
])
def test_what_tells_of_the_scores_is_clean(leak, tmp_path):
    """Beside defended ones, in each form."""

    def outputs(logits, defend):
        y = tf.nn.softmax(logits)
        return {"scores": defend(y), "beside": leak(y)}

    report = inspect_saved_model(saved(tmp_path, outputs))
    assert {one.name.split("/")[0] for one in report.leaks()} >= {"beside"}
    assert not [one for one in report.leaks() if one.name.startswith("scores")]


def test_a_data_set_of_the_scores_is_clean(tmp_path):
    """Python can take one apart, and it is no tensor of numbers."""
    model = Linear()
    model.serve = served(lambda x: tf.data.Dataset.from_tensors(model(x)), floats())
    tf.saved_model.save(model, tmp_path, signatures=served(lambda x: tf.shape(x), floats()))
    assert "clean" in statuses(tmp_path, "attribute").values()


def edited(path, change):
    """Changes the only graph of a SavedModel."""
    model = files.read(path)
    change(model.meta_graphs[0])
    pathlib.Path(path, files.PB).write_bytes(model.SerializeToString())


def test_a_defence_of_the_signature_alone_is_caught_by_what_python_calls(tmp_path, source_folder):
    """The graph of a TF2 model is edited, its functions are not."""
    from revsig_keras.export.surgery import defend_tensor
    SOURCES["module_text"].build(tmp_path / "text")
    SOURCES["keras"].build(tmp_path / "model")

    def change(graph):
        for signature in ("serve", DEFAULT):
            info = graph.signature_def[signature].outputs["output_0"]
            info.name = defend_tensor(graph, info.name, ReverseSigmoid(), (None, 4), tf.float32)

    edited(tmp_path / "model", change)
    assert set(statuses(tmp_path / "model").values()) == {"defended"}
    leaks = {leak.where for leak in inspect_saved_model(tmp_path / "model").leaks()}
    assert leaks == {
        "attribute serve", "attribute signatures.serve", f"attribute signatures.{DEFAULT}"
    }


@pytest.mark.parametrize("name", ["__saved_model_train_op", "__saved_model_init_op", "logits"])
def test_no_signature_is_passed_over_for_its_name(name, tmp_path):
    """A server answers to any."""
    saved(tmp_path, lambda logits, defend: {"scores": defend(tf.nn.softmax(logits))})

    def change(graph):
        signature = graph.signature_def[name]
        signature.CopyFrom(graph.signature_def[DEFAULT])
        signature.outputs["scores"].name = signature.inputs["features"].name

    edited(tmp_path, change)
    assert statuses(tmp_path)[name, "scores"] == "clean"


def test_a_mark_that_lies_is_told(tmp_path):
    """Its output is clean, and the report says why."""

    def outputs(logits, defend):
        text = mark._PREFIX + '{"registered_name": "revsig_keras>ReverseSigmoid", "config": {}}'
        forged = tf.function(lambda y: y + 0, experimental_implements=text, autograph=False)
        return {"scores": forged(tf.nn.softmax(logits))}

    leak = inspect_saved_model(saved(tmp_path, outputs)).leaks([])[-1]
    assert "marked as a defence is not <ReverseSigmoid" in leak.reason


@pytest.mark.parametrize("kind", ["variable", "file"])
def test_what_one_signature_stores_another_does_not_give(kind, tmp_path):
    """Even as text, and even if it is only read there."""
    model, defend = Linear(), mark.marked(ReverseSigmoid())
    model.last = tf.Variable(tf.zeros((1, 4)), shape=(None, 4))

    def serve(x):
        y = tf.nn.softmax(model(x))
        if kind == "variable":
            model.last.assign(y)
        else:
            tf.io.write_file("last", tf.io.serialize_tensor(y))
        return {"scores": defend(y)}

    def again():
        is_file = kind == "file"
        return {"text": tf.io.read_file("last") if is_file else tf.strings.as_string(model.last)}

    model.serve, model.again = served(serve, floats()), served(again)
    tf.saved_model.save(model, tmp_path, {DEFAULT: model.serve, "again": model.again})
    found = statuses(tmp_path)
    assert found["again", "text"] == "clean" and found[DEFAULT, "scores"] == "defended"


def test_a_dtype_that_there_is_not_is_told(source_folder, tmp_path):
    """In one line, as all that is corrupt."""
    saved_model = files.read(source_folder("v1_frozen"))
    saved_model.meta_graphs[0].signature_def[DEFAULT].outputs["scores"].dtype = 99
    (tmp_path / files.PB).write_bytes(saved_model.SerializeToString())
    with pytest.raises(ValueError, match="must have a dtype. Received: 99"):
        inspect_saved_model(tmp_path)
