"""A defended SavedModel gives the same answers by all ways that there are to ask it."""
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras.export.versions import publish
from tests.serving import clients
from tests.serving import exports
from tests.serving.c_api import run_in_c_api
from tests.serving.loaded import Servable
from tests.serving.saved_models import SOURCES
from tests.serving.server import ModelServer

ROWS = 32
# Of signatures that REST can be asked, which has neither defaults nor half precision.
NO_REST = {"module_half", "module_bfloat16", "module_defaults"}
each_model = pytest.mark.parametrize("name", exports.SCORED)


def as_bytes(inputs):
    """Strings in NumPy's own type, which needs no pickle."""
    return {
        key: value.astype("S") if value.dtype == object else value for key, value in inputs.items()
    }


@each_model
def test_the_c_api(name, exported):
    """No Python at all."""
    source, path = SOURCES[name], exported(name).path
    servable = Servable(path, source.tags[0])
    for signature, output in source.scores.items():
        inputs = source.inputs(ROWS)[signature]
        expected = servable.run(signature, inputs)[output]
        info = servable.signatures[signature]
        feeds = {info.inputs[key].name: value for key, value in inputs.items()}
        fetches = [info.outputs[output].name]
        answer, = run_in_c_api(path, feeds, fetches, tags=source.tags[0])
        np.testing.assert_array_equal(answer, expected)


@each_model
def test_grpc_is_bit_equal_and_rest_close(name, exported):
    """To the V1 loader, in every signature."""
    grpc_client = pytest.importorskip("tests.serving.grpc_client", exc_type=ImportError)
    source, path = SOURCES[name], exported(name).path
    servable = Servable(path, source.tags[0])
    with ModelServer(path.parent, tags=source.tags[0]) as server:
        for signature in source.scores:
            inputs = source.inputs(ROWS)[signature]
            expected = servable.run(signature, inputs)
            with grpc_client.GrpcClient(server.grpc_address) as client:
                version, answers = client.predict(inputs, signature)
            assert version == 1
            for output, values in expected.items():
                np.testing.assert_array_equal(answers[output], values)
            if name not in NO_REST:
                compare_rest(server.rest_url, inputs, signature, expected)


def compare_rest(url, inputs, signature, expected):
    for request in (clients.in_rows, clients.in_columns):
        status, answer = clients.post(f"{url}:predict", request(inputs, signature))
        assert status == 200, answer
        for output, values in clients.outputs_of(answer, expected).items():
            if values.dtype == object:
                np.testing.assert_array_equal(values, expected[output])
            else:
                np.testing.assert_allclose(values, expected[output], 1e-6)


@pytest.fixture(scope="module")
def keras_model(tmp_path_factory):
    """A defended model in memory, and the folder of its versions."""
    keras.utils.set_random_seed(0)
    model = DefendedModel(
        keras.Sequential([
            keras.Input((28, 28, 1), name="pixels"),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]))
    base = tmp_path_factory.mktemp("keras") / "model"
    publish(base, lambda path: model.export(path, verbose=False))
    return model, base


def test_an_export_of_keras_answers_as_the_model_in_memory(keras_model):
    """By the V1 loader, and by the function that Keras gives it."""
    model, base = keras_model
    x = np.random.default_rng(0).random((ROWS, 28, 28, 1), "float32")
    for signature in ("serve", "serving_default"):
        answers = Servable(base / "1").run(signature, {"pixels": x})
        np.testing.assert_allclose(answers["output_0"], model(x), 1e-6)
    reloaded = tf.saved_model.load(str(base / "1"))
    np.testing.assert_allclose(reloaded.serve(x), model(x), 1e-6)


def test_a_fresh_process_without_the_library(exported, keras_model, tmp_path):
    """Nothing of it is needed to serve; a model may be loaded and its signatures called."""
    images = np.random.default_rng(0).random((ROWS, 28, 28, 1), "float32")
    calls = [(keras_model[1] / "1", "serving_default", "output_0", {"pixels": images})]
    for name in ("module_strings", "v1_ref", "keras"):
        signature, output = list(SOURCES[name].scores.items())[-1]
        inputs = SOURCES[name].inputs(ROWS)[signature]
        calls.append((exported(name).path, signature, output, inputs))
    for number, (*_, inputs) in enumerate(calls):
        # Strings without pickle.
        np.savez(
            tmp_path / f"inputs{number}.npz", **{
                key: value.astype("S") if value.dtype == object else value
                for key, value in inputs.items()
            })
    code = ("import sys, numpy as np, tensorflow as tf\n"
            "for i, call in enumerate(sys.argv[1:]):\n"
            "    path, signature, output = call.split('|')\n"
            "    inputs = {k: tf.constant(v) for k, v in np.load(f'inputs{i}.npz').items()}\n"
            "    function = tf.saved_model.load(path).signatures[signature]\n"
            "    np.save(f'answer{i}.npy', function(**inputs)[output])\n"
            "assert not [m for m in sys.modules if m.startswith('revsig')]")
    arguments = ["|".join(map(str, call[:3])) for call in calls]
    subprocess.run([sys.executable, "-c", code, *arguments],
                   cwd=tmp_path,
                   check=True,
                   capture_output=True,
                   timeout=120)
    for number, (path, signature, output, inputs) in enumerate(calls):
        expected = Servable(path).run(signature, inputs)[output]
        np.testing.assert_allclose(np.load(tmp_path / f"answer{number}.npy"), expected, 1e-6)
