"""A SavedModel that somebody else wrote is the same when it is defended, but for its scores."""
import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import make_defence
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.saved_model.graphs import CALLS
from revsig_keras.saved_model.inspection import inspect_saved_model
from revsig_keras.saved_model.mark import is_marked
from tests.serving import exports
from tests.serving import files
from tests.serving.loaders import answers
from tests.serving.loaders import functions
from tests.serving.loaders import operations
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.tables import some_quick

ROWS = 64
# They hold the graph, which is what changes.
GRAPHS = {files.PB, files.PBTXT, "fingerprint.pb"}
each_scored = pytest.mark.parametrize("name", exports.SCORED)


def inputs_of(path, name, tags):
    """For what is left of the signatures of one graph, by name."""
    graph, = (g for g in files.read(path).meta_graphs if set(g.meta_info_def.tags) == set(tags))
    return {
        signature: values
        for signature, values in SOURCES[name].inputs(ROWS).items()
        if signature in graph.signature_def
    }


def by_output(path, name, tags):
    """Of one graph, `(signature, output) -> array`."""
    found = answers(path, inputs_of(path, name, tags), tags)
    return {(signature, key): y for signature in found for key, y in found[signature].items()}


def before_and_after(name, source_folder, exported):
    """The answers of the original and of the copy, of each graph."""
    for tags in SOURCES[name].tags:
        yield tuple(
            by_output(path, name, tags) for path in (source_folder(name), exported(name).path))


@each_scored
def test_every_signature_answers_with_the_formula_of_the_clean_scores(name, source_folder,
                                                                      exported):
    """Of the scores that NumPy computes; of those of the model where it rounds them to half."""
    source = SOURCES[name]
    for before, after in before_and_after(name, source_folder, exported):
        for key in source.scores.items():
            clean = source.clean(ROWS)
            if source.dtype in ("float16", "bfloat16"):
                clean = before[key].astype("float64")
            assert after[key].dtype == before[key].dtype
            expected = np.float64(exports.defended(source, clean))
            np.testing.assert_allclose(np.float64(after[key]),
                                       expected,
                                       rtol=exports.tolerance(source),
                                       atol=exports.tolerance(source))
            assert np.abs(expected - clean).max() > 0.01


@each_scored
def test_the_labels_are_unchanged(name, source_folder, exported):
    source = SOURCES[name]
    for before, after in before_and_after(name, source_folder, exported):
        for key in source.scores.items():
            np.testing.assert_array_equal(exports.labels(source, before[key]),
                                          exports.labels(source, after[key]))


@each_scored
def test_all_other_outputs_are_unchanged(name, source_folder, exported):
    """To the last bit; those that are to be left out are."""
    for before, after in before_and_after(name, source_folder, exported):
        assert set(after) == {key for key in before if not exports.dropped(name, *key)}
        for key in set(after) - set(SOURCES[name].scores.items()):
            np.testing.assert_array_equal(before[key], after[key])


@each_scored
def test_a_client_sees_the_same_model(name, source_folder, exported):
    """Tags, names, dtypes, shapes, methods, defaults and assets, of every graph and signature."""
    originals, copies = (
        files.read(path).meta_graphs for path in (source_folder(name), exported(name).path))
    assert len(originals) == len(copies)
    for original, copy in zip(originals, copies):
        assert original.meta_info_def.tags == copy.meta_info_def.tags
        assert original.asset_file_def == copy.asset_file_def
        expected = {
            key: signature
            for key, signature in original.signature_def.items()
            if key != "__saved_model_init_op"
        }
        for key in list(expected):
            for output in list(expected[key].outputs):
                if exports.dropped(name, key, output):
                    del expected[key].outputs[output]
            if not expected[key].outputs:
                del expected[key]
        assert set(copy.signature_def) == set(expected)
        for key, signature in copy.signature_def.items():
            # The scores come from another tensor, and that is all.
            for output, info in signature.outputs.items():
                info.name = expected[key].outputs[output].name
            assert signature == expected[key]


@each_scored
def test_all_files_but_the_graph_are_those_of_the_source(name, source_folder, exported):
    """Variables, assets and warm-up requests, byte by byte."""
    original, copy = map(exports.contents, (source_folder(name), exported(name).path))
    assert set(copy) - GRAPHS == set(original) - GRAPHS
    assert all(copy[file] == original[file] for file in set(copy) - GRAPHS)
    assert set(copy) & GRAPHS == {files.PB}


@each_scored
def test_python_has_the_signatures_and_nothing_else_to_call(name, exported):
    source = SOURCES[name]
    for tags in source.tags:
        loaded = tf.saved_model.load(exported(name).path, tags=tags)
        assert not list(functions(loaded))
        after = by_output(exported(name).path, name, tags)
        for key, signature in loaded.signatures.items():
            outputs = signature(**exports.tensors(source.inputs(ROWS)[key], signature))
            assert {(key, output) for output in outputs} == {x for x in after if x[0] == key}
            for output, y in outputs.items():
                y, expected = y.numpy(), after[key, output]
                if y.dtype == object:
                    np.testing.assert_array_equal(y, expected)
                else:
                    np.testing.assert_allclose(np.float64(y),
                                               np.float64(expected),
                                               atol=4 * exports.epsilon(source))


@each_scored
def test_nothing_leaks(name, exported):
    allowed = exports.OPTIONS.get(name, {}).get("allow_outputs", ())
    assert not inspect_saved_model(exported(name).path).leaks(allowed)
    assert not exported(name).report.leaks(allowed)


@pytest.mark.parametrize("name", some_quick(exports.SCORED, ["keras", "module_text", "v1_frozen"]))
def test_the_source_is_not_changed(name, tmp_path):
    SOURCES[name].build(tmp_path / "model")
    before = exports.contents(tmp_path / "model")
    export(exports.config(name, tmp_path / "model", tmp_path / "base"))
    assert exports.contents(tmp_path / "model") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "model"]


@each_scored
def test_a_defended_model_is_not_defended_again(name, exported, tmp_path):
    with pytest.raises(ValueError, match="defended already.*once only"):
        export(exports.config(name, exported(name).path, tmp_path / "base"))
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("name", some_quick(exports.SCORED, ["keras", "module_text"]))
def test_as_many_functions_are_put_in_line_as_before(name, source_folder, exported):
    """A call that is left costs more than the defence, and keeps TensorFlow from optimising."""
    for tags in SOURCES[name].tags:
        paths = exported(name).path, source_folder(name)
        inputs = inputs_of(paths[0], name, tags)
        after, before = (operations(path, inputs, tags) for path in paths)
        for signature in inputs:
            left, allowed = (
                sum(op in CALLS for op in found[signature]) for found in (after, before))
            assert left <= allowed


def test_a_server_runs_no_more_operations_than_where_keras_exports_the_defence(tmp_path):
    """What calls the defence adds none."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, activation="softmax")])
    model.export(tmp_path / "clean", verbose=False)
    DefendedModel(model).export(tmp_path / "keras", verbose=False)
    found = export(ExportConfig(tmp_path / "clean", tmp_path / "base", "reverse_sigmoid")).path
    counts = []
    for path in (tmp_path / "keras", found):
        graph, = files.read(path).meta_graphs
        name, = graph.signature_def[DEFAULT].inputs
        inputs = {DEFAULT: {name: np.zeros((1, 4), "float32")}}
        counts.append(len(operations(path, inputs)[DEFAULT]))
    assert counts[1] <= counts[0]


def test_outputs_behind_identities_are_those_of_the_loaded_signature(tmp_path):
    """The second output of a call is defended, not the first."""
    module = tf.Module()
    function = tf.function(lambda x: dict(features=2.0 * x, scores=tf.nn.softmax(x)))
    tf.saved_model.save(module, tmp_path / "model",
                        function.get_concrete_function(tf.TensorSpec((None, 4), name="x")))
    saved_model = files.read(tmp_path / "model")
    graph, = saved_model.meta_graphs
    for key, info in graph.signature_def[DEFAULT].outputs.items():
        node = graph.graph_def.node.add(name=f"last_{key}", op="Identity", input=[info.name])
        node.attr["T"].type = info.dtype
        info.name = f"last_{key}:0"
    (tmp_path / "model" / files.PB).write_bytes(saved_model.SerializeToString())
    path = export(
        ExportConfig(tmp_path / "model",
                     tmp_path / "base",
                     "decoy",
                     output_name="scores",
                     allow_outputs=("features",))).path
    x = np.float32([[0.5, 3, 1, 0], [2, -1, 0, 0]])
    outputs = tf.saved_model.load(path).signatures[DEFAULT](x=tf.constant(x))
    np.testing.assert_array_equal(outputs["features"], 2 * x)
    expected = make_defence("decoy")(tf.nn.softmax(x))
    np.testing.assert_allclose(outputs["scores"], expected, 1e-5)


def test_the_weights_that_a_v1_checkpoint_alone_has_are_kept(source_folder, exported):
    """Had they got lost, all answers would be those of the initial values, zeros: uniform."""
    for before, after in before_and_after("v1_ref", source_folder, exported):
        for signature in (DEFAULT, "predict"):
            assert before[signature, "scores"].std() > 0.1 < after[signature, "scores"].std()


def test_what_could_not_be_tried_is_said(exported):
    """Where no inputs can be made up the graph has to tell."""
    untried = {
        "module_examples": (f"{DEFAULT}/scores",),
        "v1_estimator": ("predict/probabilities",)
    }
    assert {name: exported(name).untried for name in untried} == untried
    assert not any(exported(name).untried for name in exports.SCORED if name not in untried)


def one_row(path):
    """A model of a single row, without an axis of the rows."""
    module = tf.Module()
    scores = tf.function(lambda x: {"scores": tf.nn.softmax(x), "first": tf.sigmoid(x)[0]})
    tf.saved_model.save(module, path, scores.get_concrete_function(tf.TensorSpec(4, name="x")))
    return path


@pytest.mark.parametrize("output, defence", [
    ("scores", "decoy"),
    ("first", "reverse_sigmoid:multi_label=true"),
])
def test_a_model_of_a_single_row_is_defended(output, defence, tmp_path):
    other, = {"scores", "first"} - {output}
    path = export(
        ExportConfig(one_row(tmp_path / "one"),
                     tmp_path / "base",
                     defence,
                     output_name=output,
                     allow_outputs=other)).path
    row = np.float32([0.5, 3, 1, 0])
    answer = answers(path, {DEFAULT: {"x": row}})[DEFAULT][output]
    layer, clean = make_defence(defence), np.exp(row) / np.exp(row).sum()
    expected = layer(clean if output == "scores" else 1 / (1 + np.exp(-row[0])))
    np.testing.assert_allclose(answer, expected, 1e-5)


def test_units_take_any_number_of_rows(tmp_path):
    """Not only as many as were tried, even where scores have no axis but that of the rows."""
    module = tf.Module()
    units = tf.function(lambda x: {"y": tf.sigmoid(x[:, 0])})
    tf.saved_model.save(module, tmp_path / "units",
                        units.get_concrete_function(tf.TensorSpec((None, 4), name="x")))
    config = ExportConfig(tmp_path / "units", tmp_path / "base", "reverse_sigmoid:multi_label=true")
    graph, = files.read(export(config).path).meta_graphs
    marked, = filter(is_marked, graph.graph_def.library.function)
    shape, = marked.arg_attr[0].attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [-1]


@pytest.mark.parametrize("output, axis", [("scores", 1), ("first", -1)])
def test_an_axis_that_scores_do_not_have_is_told(output, axis, tmp_path):
    config = ExportConfig(one_row(tmp_path / "one"),
                          tmp_path / "base",
                          f"reverse_sigmoid:axis={axis}",
                          output_name=output)
    with pytest.raises(ValueError, match=f"{DEFAULT}/{output}: `axis`.*Received: axis={axis}"):
        export(config)
