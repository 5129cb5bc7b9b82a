"""What the owner chooses when a foreign SavedModel is exported: outputs, and the defence."""
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras.defences.catalogue import make_defence
from revsig_keras.export import export
from tests.revsig_keras import reference
from tests.serving import exports
from tests.serving import files
from tests.serving import saved_models_v2 as v2
from tests.serving.loaders import answers
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.tables import some_quick

ROWS = 64


def test_several_candidates_are_listed(source_folder, tmp_path):
    """With what tells them apart."""
    config = exports.config("keras_two_outputs",
                            source_folder("keras_two_outputs"),
                            tmp_path / "base",
                            output_name=None,
                            allow_outputs=())
    listed = r"serving_default/embedding \(float32, shape \(None, 6\)\); serving_default/scores"
    with pytest.raises(ValueError, match=f"`output_name`.* Received:.*{listed}"):
        export(config)


def two_signatures(path):
    """Both have scores and an embedding, of different tensors."""
    model = v2.Linear()

    def outputs(x):
        return {"scores": tf.nn.softmax(model(x)), "embedding": x[:, :1] * 0 + 1}

    model.one = v2.served(outputs, v2.floats())
    model.two = v2.served(lambda x: outputs(x * 2), v2.floats())
    tf.saved_model.save(model, path, {DEFAULT: model.one, "double": model.two})


@pytest.mark.parametrize("options", [
    dict(output_name="scores", drop_outputs=("embedding",)),
    pytest.param(dict(output_name="scores", allow_outputs=("embedding",)), marks=pytest.mark.slow),
    pytest.param(dict(allow_outputs=("embedding",)), marks=pytest.mark.slow),
    dict(allow_outputs=(f"{DEFAULT}/embedding", "double/embedding")),
    pytest.param(dict(drop_outputs=(f"{DEFAULT}/embedding", "double/embedding")),
                 marks=pytest.mark.slow),
])
def test_a_choice_applies_in_every_signature(options, tmp_path):
    two_signatures(tmp_path / "model")
    inputs = dict.fromkeys((DEFAULT, "double"), SOURCES["module_text"].inputs(ROWS)[DEFAULT])
    path = export(exports.config("", tmp_path / "model", tmp_path / "base", **options)).path
    before, after = answers(tmp_path / "model", inputs), answers(path, inputs)
    for key in inputs:
        expected = reference.reverse_sigmoid(before[key]["scores"], exports.BETA, exports.GAMMA,
                                             2.0**-23)
        np.testing.assert_allclose(after[key]["scores"], np.float64(expected), atol=1e-5)
        assert ("embedding" in after[key]) == ("drop_outputs" not in options)


@pytest.mark.parametrize(
    "text",
    some_quick([
        "rounding", "rounding:decimals=3", "top_k", "label_only", "random_noise:scale=.3",
        "reverse_sigmoid:beta=1.5:gamma=.1"
    ], ["rounding:decimals=3", "random_noise:scale=.3"]))
@pytest.mark.parametrize("name", [
    "module",
    pytest.param("v1_ref", marks=pytest.mark.slow),
    pytest.param("module_half", marks=pytest.mark.slow)
])  # yapf: disable
def test_every_defence_answers_as_its_layer(text, name, source_folder, tmp_path):
    source = SOURCES[name]
    path = export(exports.config(name, source_folder(name), tmp_path / "base", defence=text)).path
    layer = make_defence(text)
    layer = type(layer).from_config({**layer.get_config(), "dtype": source.dtype})
    inputs = source.inputs(ROWS)
    before, after = answers(source_folder(name), inputs), answers(path, inputs)
    for signature, output in source.scores.items():
        expected = keras.ops.convert_to_numpy(layer(before[signature][output], training=False))
        np.testing.assert_allclose(np.float64(after[signature][output]),
                                   np.float64(expected),
                                   atol=exports.tolerance(source))


def test_logits_are_defended_on_request(source_folder, tmp_path):
    """The output is then probabilities, under the name it had."""
    source = SOURCES["module_logits"]
    path = export(
        exports.config("module_logits",
                       source_folder("module_logits"),
                       tmp_path / "base",
                       defence=f"{exports.DEFENCE}:from_logits=true")).path
    expected = reference.reverse_sigmoid_of_logits(source.logits(ROWS), exports.BETA, exports.GAMMA,
                                                   2.0**-23)
    np.testing.assert_allclose(answers(path, source.inputs(ROWS))[DEFAULT]["logits"],
                               np.float64(expected),
                               atol=1e-5)


@pytest.mark.parametrize("activation, text", [("sigmoid", "reverse_sigmoid:multi_label=true"),
                                              ("softmax", "reverse_sigmoid:from_logits=false"),
                                              (None, "reverse_sigmoid:from_logits=true")])
def test_saturated_and_tied_scores_are_defended_as_by_the_layer(activation, text, tmp_path):
    """To 2 units in the last place; what is equal stays equal."""
    function = keras.activations.get(activation)
    module = tf.Module()
    module.serve = v2.served(lambda x: {"scores": function(x)}, v2.floats(size=3))
    tf.saved_model.save(module, tmp_path / "model", signatures=module.serve)
    path = export(exports.config("", tmp_path / "model", tmp_path / "base", defence=text)).path
    x = np.float32([[0, 0, 0], [200, -200, 0], [200, 200, 0], [1, 1, 0], [-200, -200, -200]])
    y = answers(path, {DEFAULT: {"features": x}})[DEFAULT]["scores"]
    expected = keras.ops.convert_to_numpy(make_defence(text)(function(x)))
    np.testing.assert_array_max_ulp(y, expected, 2)
    np.testing.assert_array_equal(y == y[:, :1], expected == expected[:, :1])


def test_a_signature_of_which_nothing_is_left_is_gone(source_folder, exported):
    assert "logits" in files.read(source_folder("module_side_doors")).meta_graphs[0].signature_def
    copy = files.read(exported("module_side_doors").path).meta_graphs[0]
    assert set(copy.signature_def) == {DEFAULT}


def test_the_permissions_are_those_of_new_files(source_folder, tmp_path):
    """Whatever those of the source are: also if it is private, and if it is read-only."""
    SOURCES["v1_ref"].build(tmp_path / "model")
    for path in [tmp_path / "model", *(tmp_path / "model").rglob("*")]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = os.umask(0o027)
    try:
        path = export(exports.config("v1_ref", tmp_path / "model", tmp_path / "base")).path
    finally:
        os.umask(before)
    assert {oct(p.stat().st_mode & 0o777) for p in path.rglob("*") if p.is_file()} == {"0o640"}
    folders = [tmp_path / "base", path, *(p for p in path.rglob("*") if p.is_dir())]
    assert {oct(p.stat().st_mode & 0o777) for p in folders} == {"0o750"}


def test_an_asset_may_be_called_as_a_file_of_the_model(tmp_path):
    SOURCES["module_strings"].build(tmp_path / "model")
    (tmp_path / "model" / "assets" / files.PB).write_text("an asset")
    path = export(exports.config("", tmp_path / "model", tmp_path / "base")).path
    assert (path / "assets" / files.PB).read_text() == "an asset"


@pytest.mark.parametrize("output", ["model", "model/versions", "model/../model"])
def test_an_output_inside_of_the_model_is_refused(output, tmp_path):
    SOURCES["v1_frozen"].build(tmp_path / "model")
    before = exports.contents(tmp_path / "model")
    with pytest.raises(ValueError, match="`output` must not be inside of `model`"):
        exports.config("", tmp_path / "model", tmp_path / output)
    assert exports.contents(tmp_path / "model") == before
