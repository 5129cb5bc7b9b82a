"""The zoo of SavedModels is what its table says, so that other tests can rely on it."""
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import files
from tests.serving import linear
from tests.serving.loaded import Servable
from tests.serving.loaders import answers
from tests.serving.loaders import functions
from tests.serving.saved_models import BROKEN
from tests.serving.saved_models import built_once
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.serving.status import ServingError

ROWS = 7
each_source = pytest.mark.parametrize("name", SOURCES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of the model of a name, built once."""
    return built_once(tmp_path_factory.mktemp("saved_models"))


def all_answers(path, source):
    """Of each graph, `(signature, output) -> array`."""
    for tags in source.tags:
        outputs = answers(path, source.inputs(ROWS), tags)
        yield {(name, key): value for name in outputs for key, value in outputs[name].items()}


@each_source
def test_the_scores_are_those_of_the_model(name, folder):
    """Distributions, or decisions, in the type that the table gives."""
    source = SOURCES[name]
    dtype = tf.as_dtype(source.dtype).as_numpy_dtype
    tolerance = max(1e-6, 4 * float(np.spacing(dtype(1))))
    for outputs in all_answers(folder(name), source):
        for key in source.scores.items():
            y = outputs[key]
            assert y.dtype == dtype and y.shape == (ROWS, source.classes)
            np.testing.assert_allclose(y.astype("float64"), source.clean(ROWS), atol=tolerance)
            if source.head == "softmax":
                np.testing.assert_allclose(y.astype("float64").sum(1), 1, atol=tolerance)


@each_source
def test_every_other_output_is_what_the_table_says(name, folder):
    """A label is the argmax, by number or by name; what is constant does not depend on the row."""
    source = SOURCES[name]
    label = source.logits(ROWS).argmax(1)
    for outputs in all_answers(folder(name), source):
        assert set(outputs) == {*source.scores.items(), *source.other}
        for key, kind in source.other.items():
            y = outputs[key]
            if kind == "label":
                named = np.array(linear.LABELS, dtype="S")[label].astype(object)
                np.testing.assert_array_equal(y.ravel(), label if y.dtype == "int64" else named)
            elif kind == "text":
                np.testing.assert_array_equal(y.ravel().astype(int), label)
            else:
                assert (y == y[:1]).all() == (kind == "constant")


def test_the_label_varies():
    """So the tests above check something."""
    assert all(
        len(set(source.logits(ROWS).argmax(1))) > 1
        for source in SOURCES.values()
        if source.classes > 1)


@each_source
def test_python_can_call_the_functions_of_the_table(name, folder):
    source = SOURCES[name]
    loaded = tf.saved_model.load(folder(name), tags=source.tags[0])
    assert sorted(functions(loaded)) == sorted(source.attributes)


@each_source
def test_signatures_and_tags_are_those_of_the_table(name, folder):
    source = SOURCES[name]
    graphs = files.read(folder(name)).meta_graphs
    assert [set(graph.meta_info_def.tags) for graph in graphs] == [set(t) for t in source.tags]
    for graph in graphs:
        assert set(graph.signature_def) - {"__saved_model_init_op"} == set(source.encode)
        assert tuple(graph.meta_info_def.function_aliases.values()) == source.aliases


def graph_def(path):
    return files.read(path).meta_graphs[0].graph_def


def test_names_that_python_cannot_spell_are_kept(folder):
    signature = files.read(folder("module")).meta_graphs[0].signature_def[DEFAULT]
    assert set(signature.inputs) == {"words-in", "length-in-cm"}
    assert set(signature.outputs) == {"probs/out", "class label"}


def test_an_example_without_the_feature_is_an_error(folder):
    with pytest.raises(ServingError, match="features"):
        answers(folder("module_examples"), {DEFAULT: {"examples": np.array([b""], object)}})


def test_the_default_and_the_warmup_requests(folder):
    """The V1 loader knows nothing of either; a server does."""
    signature = files.read(folder("module_defaults")).meta_graphs[0].signature_def[DEFAULT]
    values = {name: float(tf.make_ndarray(value)) for name, value in signature.defaults.items()}
    assert values == {"temperature": SOURCES["module_defaults"].temperature}
    assert (folder("module_defaults") / files.WARMUP).stat().st_size


def test_the_variables_of_v1(folder):
    """Reference variables, resource variables, none."""
    kinds = {
        name: {node.op for node in graph_def(folder(name)).node} & {"VarHandleOp", "VariableV2"}
        for name in ("v1_resource", "v1_ref", "v1_frozen")
    }
    assert kinds == {"v1_resource": {"VarHandleOp"}, "v1_ref": {"VariableV2"}, "v1_frozen": set()}
    assert not list((folder("v1_frozen") / "variables").iterdir())


@pytest.mark.parametrize("name", ["v1_resource", "v1_ref"])
def test_the_signatures_of_v1(name, folder):
    """Classify and Predict by their method names, and an asset."""
    signatures = files.read(folder(name)).meta_graphs[0].signature_def
    assert signatures[DEFAULT].method_name == "tensorflow/serving/classify"
    assert signatures["predict"].method_name == "tensorflow/serving/predict"
    assert signatures["predict"].outputs["scores"] == signatures[DEFAULT].outputs["scores"]
    assert (folder(name) / "assets" / "labels.txt").exists()


def test_what_is_known_of_the_shape_of_the_two_meta_graphs(folder):
    graphs = files.read(folder("v1_two_meta_graphs")).meta_graphs
    shapes = [graph.signature_def[DEFAULT].outputs["scores"].tensor_shape for graph in graphs]
    assert [tf.TensorShape(shape).as_list() for shape in shapes[:1]] == [[None, None]]
    assert shapes[1].unknown_rank


@pytest.mark.parametrize("name", ["module_text", "v1_text"])
def test_the_text_format(name, folder):
    assert (folder(name) / files.PBTXT).exists() and not (folder(name) / files.PB).exists()


def test_building_leaves_tensorflow_as_it_was(tmp_path):
    SOURCES["v1_ref"].build(tmp_path / "model")
    assert tf.executing_eagerly()
    assert not tf.compat.v1.get_default_graph().get_operations()


# What the V1 loader says.
REFUSALS = {
    "nothing": "does not exist",
    "file": "does not exist",
    "empty": "does not exist",
    "no_pb": "does not exist",
    "empty_pb": "could not be found",
    "truncated_pb": "Cannot parse",
    "garbage_pb": "Cannot parse",
    "truncated_variables": "Read less bytes than requested",
    "truncated_index": "not an sstable",
    "no_index": "not a valid checkpoint",
    "no_variables": "not a valid checkpoint",
    "no_assets": "No such file",
    "ref_truncated_variables": "Read less bytes than requested",
    "ref_no_index": "not a valid checkpoint",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_does_not_load_or_does_not_answer(name, tmp_path):
    BROKEN[name](tmp_path / "model")
    if name == "no_signature":
        servable = Servable(tmp_path / "model")
        assert set(servable.signature_defs) == {"__saved_model_init_op"}
    else:
        error = (OSError, RuntimeError, ValueError, tf.errors.OpError)
        with pytest.raises(error, match=REFUSALS[name]):
            Servable(tmp_path / "model")
