"""A defended SavedModel can be frozen and saved again where the original can, and leaks nothing."""
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from revsig_keras.export import export
from revsig_keras.saved_model import files
from revsig_keras.saved_model.inspection import inspect_saved_model
from tests.serving import exports
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES

# Models of TensorFlow 1 with variables cannot be frozen by it, defended or not.
FROZEN = ("keras", "module_strings", "module_top_k", "module_side_doors", "v1_frozen")
each_frozen = pytest.mark.parametrize("name", FROZEN)


def loaded_and_answers(name, path):
    model = tf.saved_model.load(path)
    inputs = exports.tensors(SOURCES[name].inputs(8)[DEFAULT], model.signatures[DEFAULT])
    return model, inputs, model.signatures[DEFAULT](**inputs)


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        if value.dtype == tf.string:
            np.testing.assert_array_equal(found[key], value)
        else:
            np.testing.assert_allclose(found[key], value, 1e-5)


@each_frozen
def test_it_can_be_frozen(name, exported):
    model, inputs, expected = loaded_and_answers(name, exported(name).path)
    signature = model.signatures[DEFAULT]
    frozen = convert_variables_to_constants_v2(signature)
    assert not [node for node in frozen.graph.as_graph_def().node if node.op == "ReadVariableOp"]
    found = frozen(**inputs) if name != "module_strings" else None
    for value, key in zip(found or (), expected):
        np.testing.assert_allclose(value, expected[key], 1e-5)


@each_frozen
@pytest.mark.parametrize("given", [
    pytest.param(False, id="default", marks=pytest.mark.slow),
    pytest.param(True, id="signatures")
])  # yapf: disable
def test_it_can_be_saved_again(name, given, exported, tmp_path):
    """With its default signature, or all that it has; still nothing is clean."""
    model, inputs, expected = loaded_and_answers(name, exported(name).path)
    if name.startswith("v1") and not given:
        pytest.skip("Python finds no default signature in a model of TensorFlow 1")
    signatures = {"signatures": model.signatures} if given else {}
    tf.saved_model.save(model, tmp_path / "again", **signatures)
    again = tf.saved_model.load(tmp_path / "again")
    assert_equal(again.signatures[DEFAULT](**inputs), expected)
    assert not inspect_saved_model(tmp_path / "again").leaks()


@each_frozen
def test_the_order_of_the_outputs_is_the_same(name, source_folder, exported):
    """Readers that go by position find what they expect."""
    *_, before = loaded_and_answers(name, source_folder(name))
    *_, after = loaded_and_answers(name, exported(name).path)
    assert [key for key in before if key in after] == list(after)


def test_keras_2_does_not_make_the_original_again(exported, tmp_path):
    """Neither from its file nor from the objects of the graph, which lose their kinds."""
    SOURCES["keras"].build(tmp_path / "model")
    (tmp_path / "model" / "keras_metadata.pb").write_bytes(b"")
    saved_model = files.read(tmp_path / "model")
    for node in saved_model.meta_graphs[0].object_graph_def.nodes:
        if node.user_object.identifier == "_generic_user_object":
            node.user_object.identifier, node.user_object.metadata = "_tf_keras_model", "{}"
    files.write(tmp_path / "model", saved_model)
    path = export(exports.config("keras", tmp_path / "model", tmp_path / "base")).path
    assert not (path / "keras_metadata.pb").exists()
    kinds = [node.user_object for node in files.read(path).meta_graphs[0].object_graph_def.nodes]
    assert not [kind for kind in kinds if "keras" in kind.identifier or kind.metadata]
    expected = loaded_and_answers("keras", exported("keras").path)[2]
    assert_equal(loaded_and_answers("keras", path)[2], expected)
