"""A defended model answers the same in LiteRT and in ONNX, for which there are extras."""
import keras
import numpy as np
import pytest

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from tests.serving.saved_models import SOURCES
from tests.tables import some_quick

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
HEADS = {
    "softmax": ("softmax", {}),
    "logits": (None, {
        "from_logits": True
    }),
    "multi_label": ("sigmoid", {
        "multi_label": True
    }),
    "literal": ("softmax", {
        "preserve_top1": False
    }),
}
each_head = pytest.mark.parametrize("activation, options", HEADS.values(), ids=HEADS)


def defended(activation, options):
    keras.utils.set_random_seed(0)
    classifier = keras.Sequential([keras.Input((6,), name="x"), keras.layers.Dense(4, activation)])
    return DefendedModel(classifier, ReverseSigmoid(**options))


@pytest.mark.parametrize("activation, options", some_quick(HEADS, ["softmax", "multi_label"]))
def test_litert(activation, options, tmp_path):
    """By Keras' own exporter."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model = defended(activation, options)
    model.export(str(tmp_path / "model.tflite"), format="litert", verbose=False)
    runner = interpreter.Interpreter(str(tmp_path / "model.tflite"))
    inputs, outputs = runner.get_input_details()[0], runner.get_output_details()[0]
    runner.resize_tensor_input(inputs["index"], X.shape)
    runner.allocate_tensors()
    runner.set_tensor(inputs["index"], X)
    runner.invoke()
    np.testing.assert_allclose(runner.get_tensor(outputs["index"]), model(X), 1e-6)


@each_head
def test_onnx(activation, options, tmp_path):
    """By Keras' own exporter."""
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = defended(activation, options)
    model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    answer, = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(answer, model(X), 1e-6)


@pytest.mark.parametrize("name", some_quick(["keras", "v1_frozen"], ["v1_frozen"]))
def test_litert_of_a_defended_savedmodel(name, tmp_path):
    """By TensorFlow's converter."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    import tensorflow as tf
    source = SOURCES[name]
    source.build(tmp_path / "source")
    path = export(
        ExportConfig(str(tmp_path / "source"), str(tmp_path / "served"), "reverse_sigmoid")).path
    model = tf.lite.TFLiteConverter.from_saved_model(str(path),
                                                     signature_keys=["serving_default"]).convert()
    signature = interpreter.Interpreter(model_content=model).get_signature_runner("serving_default")
    answer = signature(**source.inputs(8)["serving_default"])[source.scores["serving_default"]]
    expected = ReverseSigmoid(dtype="float64")(source.clean(8))
    np.testing.assert_allclose(answer, expected, 1e-6)
