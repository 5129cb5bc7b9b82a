"""Models of Keras 2: files and objects, with and without tf_keras."""
import importlib.util
import json

import h5py
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras.export import CostLimits
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from tests.revsig_keras.programs import subprogram
from tests.serving import exports
from tests.serving.loaders import answers

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
CLASSES = """
import tf_keras

class Scaled(tf_keras.layers.Layer):

    def call(self, inputs):
        return 2 * inputs
"""


@pytest.fixture(scope="module")
def tf_keras():
    return pytest.importorskip("tf_keras", reason="tf_keras is not installed")


def softmax(tf_keras, *layers):
    return tf_keras.Sequential(
        [tf_keras.layers.Input((4,)), *layers,
         tf_keras.layers.Dense(3, "softmax")])


def labels(path):
    (outputs,) = (answers(path, {"serving_default": {_input(path): X}}).values())
    (scores,) = outputs.values()
    return scores.argmax(1)


def _input(path):
    name, = tf.saved_model.load(
        str(path)).signatures["serving_default"].structured_input_signature[1]
    return name


@pytest.mark.parametrize("kind", [
    "model.h5",
    pytest.param("model.keras", marks=pytest.mark.slow),
    pytest.param("folder", marks=pytest.mark.slow),
    pytest.param("object", marks=pytest.mark.slow),
])
def test_a_model_of_keras_2_is_taken(kind, tf_keras, tmp_path):
    """Its labels stay, and its strength can be chosen."""
    model = softmax(tf_keras)
    source = model
    if kind != "object":
        source = tmp_path / kind
        model.save(source, **({"save_format": "tf"} if kind == "folder" else {}))
    path = export(ExportConfig(source, tmp_path / "base", exports.DEFENCE)).path
    np.testing.assert_array_equal(labels(path), model.predict(X, verbose=0).argmax(1))
    np.save(tmp_path / "x.npy", X)
    config = ExportConfig(source, tmp_path / "base", inputs=tmp_path / "x.npy",
                          limits=CostLimits(max_l1=0.2))  # yapf: disable
    assert 0.19 < export(config).choices[None].row.l1 <= 0.2


def test_code_in_a_file_does_not_run(tf_keras, tmp_path, capsys):
    """Unless that is allowed; tf_keras itself runs that of an HDF5 file."""
    for name in ("model.h5", "model.keras"):
        layer = tf_keras.layers.Lambda(lambda x: [print("ran"), x][1])
        softmax(tf_keras, layer).save(tmp_path / name)
        capsys.readouterr()
        config = ExportConfig(tmp_path / name, tmp_path / "base", exports.DEFENCE)
        with pytest.raises(ValueError, match="the kind Lambda, which runs code.*safe_mode=false"):
            export(config)
        assert "ran" not in capsys.readouterr().out
        allowed = ExportConfig(tmp_path / name, tmp_path / "base", exports.DEFENCE,
                               safe_mode=False)  # yapf: disable
        assert export(allowed).path.exists()


def test_classes_of_a_file_are_made_known_to_keras_2(tf_keras, tmp_path):
    (tmp_path / "owned.py").write_text(CLASSES)
    namespace = {}
    exec(CLASSES, namespace)
    softmax(tf_keras, namespace["Scaled"]()).save(tmp_path / "model.h5")
    options = [f"--model={tmp_path / 'model.h5'}", f"--output={tmp_path / 'base'}",
               f"--defence={exports.DEFENCE}"]  # yapf: disable
    with pytest.raises(ValueError, match="needs Scaled, which Keras does not know"):
        export(ExportConfig(tmp_path / "model.h5", tmp_path / "base", exports.DEFENCE))
    result = subprogram(*options, f"--custom_objects={tmp_path / 'owned.py'}")
    assert not result.returncode, result.stderr


def test_a_model_of_keras_2_in_a_layer_of_keras_3_is_refused_by_name(tf_keras):
    with pytest.raises(ValueError, match="not of tf_keras .Keras 2.*ExportConfig"):
        DefendedModel(softmax(tf_keras))


def test_without_tf_keras_it_is_named(tmp_path, monkeypatch):
    """For a file whose layers Keras 3 does not read."""
    lstm = {"name": "l", "units": 3, "time_major": False, "batch_input_shape": [None, 5, 4]}
    layer = {"class_name": "LSTM", "config": lstm}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["model_config"] = json.dumps(config)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None
                        if name == "tf_keras" else find(name, *rest))
    with pytest.raises(ValueError, match="by Keras 2.*pip install 'revsig_keras.legacy.'"):
        export(ExportConfig(tmp_path / "model.h5", tmp_path / "base", exports.DEFENCE))
