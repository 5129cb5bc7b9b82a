"""Warm-up requests: made of sample inputs, tried before a server tries them, or carried over."""
import sys

import numpy as np
import pytest
import tensorflow as tf

from revsig_keras.errors import SavedModelError
from revsig_keras.export import export
from tests.revsig_keras import classifiers
from tests.serving import exports
from tests.serving import files
from tests.serving import linear
from tests.serving import saved_models_v2 as v2
from tests.serving.loaders import answers
from tests.serving.saved_models import as_examples
from tests.serving.saved_models import as_words
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES

ROWS = 3
VALUES = linear.draw(ROWS)


@pytest.fixture
def api():
    """Which is no part of this library, nor needed without `--warmup`."""
    return pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2",
                               reason="tensorflow-serving-api is not installed")


@pytest.fixture
def warmed_up(api, source_folder, tmp_path):
    """The copy of the model of a name, made with samples, and the requests in it."""

    def make(name, samples):
        path = export(
            exports.config(name,
                           source_folder(name),
                           tmp_path / "base",
                           warmup=written(tmp_path, samples))).path
        records = tf.data.TFRecordDataset(str(path / files.WARMUP)).as_numpy_iterator()
        logs = [api.PredictionLog.FromString(record) for record in records]
        assert all(log.WhichOneof("log_type") == "predict_log" for log in logs)
        return path, [log.predict_log.request for log in logs]

    return make


def written(folder, samples):
    """The name of a file of samples: one array, or several by their names."""
    if isinstance(samples, dict):
        np.savez(folder / "samples.npz", **samples)
        return str(folder / "samples.npz")
    np.save(folder / "samples.npy", samples)
    return str(folder / "samples.npy")


def replayed(path, requests, tags):
    """What a server answers to each, by its signature."""
    inputs = {
        request.model_spec.signature_name: {
            name: tf.make_ndarray(value) for name, value in request.inputs.items()
        } for request in requests
    }
    return answers(path, inputs, tags)


TWO = {"words-in": VALUES[:, :4], "length-in-cm": VALUES[:, 4:]}
WORDS = as_words(VALUES)["words"].astype("U")
SAMPLES = {
    "one array": ("module_text", VALUES, [DEFAULT]),
    "one array of a wider dtype": ("module_text", VALUES.astype("float64"), [DEFAULT]),
    "integers": ("module_text", np.eye(ROWS, 6, dtype="int64"), [DEFAULT]),
    "by its name": ("module_text", {
        "features": VALUES
    }, [DEFAULT]),
    "the only array, called x": ("module_text", {
        "x": VALUES
    }, [DEFAULT]),
    "called x, for all signatures": ("keras", {
        "x": VALUES
    }, ["serve", DEFAULT]),
    "all signatures that take it": ("keras", VALUES, ["serve", DEFAULT]),
    "one of two signatures": ("module", TWO, [DEFAULT]),
    "the other": ("module", {
        "rows": VALUES
    }, ["rate/v2"]),
    "text": ("module_strings", WORDS, [DEFAULT]),
    "bytes": ("module_strings", WORDS.astype("S"), [DEFAULT]),
    "without the input that has a default": ("module_defaults", VALUES, [DEFAULT]),
    "numbers, where another signature takes text": ("v1_resource", VALUES, ["predict"]),
    "serialized examples":
        ("module_examples", as_examples("x")(VALUES + 1)["x"].astype("S"), [DEFAULT]),
}


@pytest.mark.parametrize("case", SAMPLES)
def test_requests_are_answered(case, warmed_up):
    """One for each signature that takes the inputs, with one answer for each row."""
    name, samples, signatures = SAMPLES[case]
    path, requests = warmed_up(name, samples)
    found = replayed(path, requests, v2.TAGS if name == "module_defaults" else ["serve"])
    assert sorted(found) == sorted(signatures) and len(requests) == len(signatures)
    for outputs in found.values():
        assert all(len(values) == ROWS for values in outputs.values())


def test_a_keras_file_gets_requests_too(api, tmp_path):
    model = classifiers.sequential(classifiers.dense("softmax"))
    model.save(tmp_path / "model.keras")
    path = export(
        exports.config("",
                       tmp_path / "model.keras",
                       tmp_path / "base",
                       warmup=written(tmp_path, classifiers.X))).path
    assert (path / files.WARMUP).stat().st_size > classifiers.X.nbytes


def test_scores_that_could_not_be_tried_are_tried_on_samples(api, source_folder, tmp_path):
    """Random bytes are no `tf.Example`."""
    samples = written(tmp_path, as_examples("x")(VALUES + 1)["x"].astype("S"))
    config = exports.config("module_examples",
                            source_folder("module_examples"),
                            tmp_path / "base",
                            warmup=samples)
    assert not export(config).untried


def test_requests_of_the_source_are_replaced(warmed_up, source_folder):
    path, _ = warmed_up("module_defaults", VALUES)
    old = (source_folder("module_defaults") / files.WARMUP).read_bytes()
    assert old not in (path / files.WARMUP).read_bytes()


def test_requests_of_the_source_are_carried_over(source_folder, exported):
    """Byte by byte; tensorflow-serving-api is not needed."""
    old, new = ((path / files.WARMUP).read_bytes()
                for path in (source_folder("module_defaults"), exported("module_defaults").path))
    assert old and old == new


def of_all_kinds(api, outputs):
    """Requests for signatures, each with the outputs that it asks for."""
    for signature, asked in outputs:
        log = api.PredictionLog()
        log.predict_log.request.model_spec.signature_name = signature
        log.predict_log.request.output_filter[:] = asked
        yield log
        log = api.PredictionLog()
        log.classify_log.request.model_spec.signature_name = signature
        yield log
        log = api.PredictionLog()
        log.multi_inference_log.request.tasks.add().model_spec.signature_name = signature
        yield log
    yield api.PredictionLog()


def test_requests_for_what_is_left_out_are_left_out(api, tmp_path, monkeypatch):
    """A server does not serve a model that fails at one."""
    SOURCES["module_side_doors"].build(tmp_path / "model")
    kept = list(of_all_kinds(api, [(DEFAULT, ["scores"]), ("", [])]))
    gone = [
        next(of_all_kinds(api, [("", ["debug/0", "scores"])])),
        *list(of_all_kinds(api, [("logits", [])]))[:-1]
    ]
    file = tmp_path / "model" / files.WARMUP
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in gone[:1] + kept + gone[1:]:
            writer.write(log.SerializeToString())
    config = exports.config("module_side_doors", tmp_path / "model", tmp_path / "base")
    path = export(config).path
    records = tf.data.TFRecordDataset(str(path / files.WARMUP)).as_numpy_iterator()
    assert list(records) == [log.SerializeToString() for log in kept]
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ValueError, match="`drop_outputs`, for .* needs tensorflow-serving-api"):
        export(config)


def test_requests_that_cannot_be_read_are_told(api, tmp_path):
    SOURCES["module_side_doors"].build(tmp_path / "model")
    files.add_warmup(tmp_path / "model")
    (tmp_path / "model" / files.WARMUP).write_bytes(b"no requests at all")
    with pytest.raises(SavedModelError, match="the model's warm-up requests cannot be adapted"):
        export(exports.config("module_side_doors", tmp_path / "model", tmp_path / "base"))


@pytest.mark.parametrize("name, samples, message", [
    ("module_text", {
        "other": VALUES
    }, r"takes features \(float32, shape \(None, 6\)\). Received: other \(float32, shape"),
    ("module_text", VALUES[:, :5], r"Received: one array \(float32, shape \(3, 5\)\)"),
    ("module_text", VALUES[0], r"Received: one array \(float32, shape \(6,\)\)"),
    ("module_text", WORDS, r"Received: one array \(str"),
    ("module_text", np.full((ROWS, 6), 1e300), r"Received: one array \(float64"),
    ("module_strings", VALUES, r"takes words \(string.*Received: one array \(float32"),
    ("module", VALUES[:, :4],
     r"rate/v2 takes rows .*; serving_default takes length-in-cm .*, words-in "),
    ("module", {
        "words-in": VALUES[:, :4]
    }, "Received: words-in"),
    ("module_examples", WORDS[:, 0], "the signature serving_default fails: Could not"),
    ("module_text", VALUES[:0], "at least one row"),
    ("module_text", np.float32(1), "at least one row"),
    ("module_text", {}, "at least one row"),
])
def test_inputs_that_do_not_fit_are_refused(name, samples, message, api, source_folder, tmp_path):
    """A server would not serve the model."""
    config = exports.config(name,
                            source_folder(name),
                            tmp_path / "base",
                            warmup=written(tmp_path, samples))
    with pytest.raises((ValueError, SavedModelError), match=f"`warmup` must have.*{message}"):
        export(config)
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize("dtype, values", [("int32", [[0.5]]), ("int32", [[2.0**40]]),
                                           ("uint8", [[-1]]), ("bool", [[2]]),
                                           ("int32", [[np.nan]]), ("float16", [[1e5]])])
def test_values_that_an_input_cannot_hold_are_refused(dtype, values, api, tmp_path):
    """They would be others then."""
    module = tf.Module()
    module.serve = v2.served(
        lambda x: {"scores": tf.nn.softmax(tf.cast(x, tf.float32) * [1.0, 2.0, 3.0])},
        tf.TensorSpec((None, 1), dtype, "x"))
    tf.saved_model.save(module, tmp_path / "model", signatures=module.serve)
    config = exports.config("",
                            tmp_path / "model",
                            tmp_path / "base",
                            warmup=written(tmp_path, np.array(values)))
    with pytest.raises(ValueError, match=rf"takes x \({dtype}, shape \(None, 1\)\). Received"):
        export(config)


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"PK\x03\x04garbage", "pickle"])
def test_a_file_that_cannot_be_read_is_refused(content, source_folder, tmp_path):
    """A pickle among them: it could run any code."""
    path = tmp_path / "samples.npy"
    if content == "pickle":
        np.save(path, np.array([{}]), allow_pickle=True)
    elif content is not None:
        path.write_bytes(content)
    config = exports.config("module_text",
                            source_folder("module_text"),
                            tmp_path / "base",
                            warmup=str(path))
    with pytest.raises(ValueError, match=f"`warmup` must be a readable .npy or .npz.*{path}") as e:
        export(config)
    assert len(str(e.value).splitlines()) == 1 and not (tmp_path / "base").exists()


def test_the_package_that_is_missing_is_named(source_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    config = exports.config("module_text",
                            source_folder("module_text"),
                            tmp_path / "base",
                            warmup=written(tmp_path, VALUES))
    with pytest.raises(ValueError, match=r"`warmup` needs.*pip install 'revsig_keras\[serving\]'"):
        export(config)
    assert not (tmp_path / "base").exists()
