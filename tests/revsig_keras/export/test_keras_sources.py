"""Files that owners have: other formats, classes of their own, models never called, no model."""
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras.export import CostLimits
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.export.warmup import load_inputs
from revsig_keras.saved_model.files import cause_of
from tests.revsig_keras import classifiers
from tests.revsig_keras.programs import subprogram
from tests.serving import exports
from tests.serving.loaders import answers
from tests.tables import some_quick

X = classifiers.X


def model():
    return classifiers.sequential(classifiers.dense("softmax"))


def exported(path, tmp_path, **options):
    return export(ExportConfig(path, tmp_path / "base", exports.DEFENCE, **options)).path


@pytest.mark.parametrize("suffix", some_quick([".h5", ".hdf5"], [".hdf5"]))
def test_an_hdf5_file_is_taken(suffix, tmp_path):
    source = model()
    source.save(tmp_path / f"model{suffix}")
    path = exported(tmp_path / f"model{suffix}", tmp_path)
    served = tf.saved_model.load(path)
    np.testing.assert_array_equal(np.argmax(served.serve(X), -1),
                                  source.predict(X, verbose=0).argmax(-1))


def written(name, path):
    if name == "weights":
        model().save_weights(path)
    elif name == "hdf5":
        model().save(path.with_suffix(".h5"))
        shutil.move(path.with_suffix(".h5"), path)
    elif name == "zip":
        model().save(path.with_suffix(".keras"))
        shutil.move(path.with_suffix(".keras"), path)
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("kind, name, message", [
    ("other", "model.tflite", "LiteRT.*Defend the model that it was made of"),
    ("other", "model.onnx", "ONNX.*Defend the model that it was made of"),
    ("weights", "model.weights.h5", "weights only.*load_weights"),
    ("hdf5", "model.keras", "HDF5 file. Rename it to model.h5"),
    ("zip", "model.h5", "no HDF5 file. Rename it to model.keras"),
])
def test_what_is_no_whole_model_is_told(kind, name, message, tmp_path):
    """With what to do."""
    written(kind, tmp_path / name)
    with pytest.raises(ValueError, match=f"`model` must be a .keras.*{message}") as error:
        exported(tmp_path / name, tmp_path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("field", ["model", "output", "warmup"])
@pytest.mark.parametrize("scheme", ["gs", "s3", "https"])
def test_a_remote_path_is_refused_by_name(field, scheme):
    paths = {"model": "model.keras", "output": "base", field: f"{scheme}://bucket/x.keras"}
    with pytest.raises(ValueError, match=f"`{field}` must be a path of this machine.*{scheme}://"):
        ExportConfig(defence=exports.DEFENCE, **paths)


CLASSES = """
import keras

class Scaled(keras.layers.Layer):

    def call(self, inputs):
        return 2 * inputs

class Own(keras.Model):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4, "softmax")

    def call(self, inputs):
        return self.dense(inputs)
"""
SAVE = """
import keras, numpy as np
from owned import Own, Scaled
x = np.load("x.npy")
keras.Sequential([keras.Input((6,)), Scaled(), keras.layers.Dense(4, "softmax")]).save("a.keras")
own = Own()
own(x)
own.save("own.keras")
"""


@pytest.fixture(scope="module")
def owned(tmp_path_factory):
    """Models with classes of a file, made by another process."""
    folder = tmp_path_factory.mktemp("owned")
    (folder / "owned.py").write_text(CLASSES)
    np.save(folder / "x.npy", X)
    subprocess.run([sys.executable, "-c", SAVE], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name, missing", [("a", "Scaled"), ("own", "Own")])
def test_classes_of_a_file_are_made_known(name, missing, owned, tmp_path):
    """Without the file, the one that is missing is named."""
    options = [
        f"--model={owned / name}.keras", f"--output={tmp_path / 'base'}",
        f"--defence={exports.DEFENCE}"
    ]
    refused = subprogram(*options)
    assert refused.returncode == 1
    assert f"--model needs {missing}, which Keras" in refused.stderr, refused.stderr
    assert "--custom_objects=FILE.py" in refused.stderr
    result = subprogram(*options, f"--custom_objects={owned / 'owned.py'}",
                        f"--warmup={owned / 'x.npy'}")
    assert result.returncode == 0, result.stderr


def test_a_lambda_is_refused_with_the_option_that_allows_it(tmp_path):
    layers = [keras.layers.Lambda(lambda x: x * 2), classifiers.dense("softmax")]
    classifiers.sequential(*layers).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="kind Lambda.*`safe_mode=false`"):
        exported(tmp_path / "model.keras", tmp_path)
    assert exported(tmp_path / "model.keras", tmp_path, safe_mode=False).exists()


class Own(keras.Model):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = classifiers.dense("softmax")

    def call(self, inputs):
        return self.dense(inputs)


def test_a_subclassed_model_is_built_from_samples(tmp_path):
    """Or from the shapes that its file has."""
    source = Own()
    source(X)
    source.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X)
    with keras.saving.custom_object_scope({"Own": Own}):
        paths = [
            exported(tmp_path / "model.keras", tmp_path),
            exported(tmp_path / "model.keras", tmp_path, warmup=tmp_path / "x.npy")
        ]
    for path in paths:
        assert tf.saved_model.load(path).signatures


class OfSequences(keras.Model):
    """Of any number of steps."""

    def build(self, input_shape):
        self.dense = classifiers.dense("softmax")
        self.dense.build((None, input_shape[-1]))

    def call(self, inputs):
        return self.dense(keras.ops.mean(inputs, axis=1))


@pytest.mark.parametrize("kind, shape, rows", [(Own, X.shape, X.astype("float64")),
                                               (Own, X.shape, X.astype("float16")),
                                               (OfSequences, (None, None, 6), np.ones((8, 7, 6)))])
def test_samples_do_not_narrow_what_is_served(kind, shape, rows, tmp_path):
    """The dtype is that of the model, and a size that is open stays open."""
    pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    model = kind()
    model.build(shape)
    model(rows)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", rows)
    with keras.saving.custom_object_scope({kind.__name__: kind}):
        path = exported(tmp_path / "model.keras", tmp_path, warmup=tmp_path / "x.npy")
    spec, = tf.saved_model.load(path).signatures["serving_default"].structured_input_signature[
        1].values()  # yapf: disable
    assert (spec.dtype, spec.shape.as_list()) == (tf.float32, [None, *shape[1:]])


class OfDictionary(Own):

    def call(self, inputs):
        return self.dense(sum(inputs.values()))


@pytest.mark.parametrize("option", some_quick(["warmup", "inputs"], ["inputs"]))
@pytest.mark.parametrize("kind, names", [(Own, ["x"]), (OfDictionary, ["x"]),
                                         (OfDictionary, ["x", "z"])])
def test_a_subclassed_model_takes_a_tensor_or_a_dictionary_as_it_was_built(
        kind, names, option, tmp_path):
    """The only array is `x`, whatever the tensor is called; a dictionary may have an `x` too."""
    arrays = dict.fromkeys(names, X)
    source = kind()
    expected = source(X if kind is Own else arrays).numpy().argmax(-1)
    source.save(tmp_path / "model.keras")
    np.savez(tmp_path / "x.npz", **arrays)
    if option == "warmup":
        pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
        options = {"defence": exports.DEFENCE}
    else:
        options = {"limits": CostLimits(max_l1=1)}
    with keras.saving.custom_object_scope({kind.__name__: kind}):
        path = export(
            ExportConfig(tmp_path / "model.keras", tmp_path / "base",
                         **{option: tmp_path / "x.npz"}, **options)).path
    served = tf.saved_model.load(path).signatures["serving_default"]
    taken = served.structured_input_signature[1]
    assert kind is Own or sorted(taken) == names
    scores, = served(**{name: tf.constant(X) for name in taken}).values()
    np.testing.assert_array_equal(scores.numpy().argmax(-1), expected)


class Wide(Own):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(54, "softmax")


@pytest.mark.parametrize("sampled, told", [
    (False, "made-up inputs"),
    (True, "\\(20 answers\\)"),
])
def test_ruined_answers_of_a_subclassed_model_are_told(sampled, told, tmp_path, caplog):
    """Once, of all samples; made-up inputs are said to be."""
    source = Wide()
    source(X)
    source.dense.bias.assign(12 * np.eye(54)[0])
    source.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.zeros((20, X.shape[1]), "float32"))
    options = {"warmup": tmp_path / "x.npy"} if sampled else {}
    with keras.saving.custom_object_scope({"Wide": Wide}):
        export(
            ExportConfig(tmp_path / "model.keras", tmp_path / "base", "reverse_sigmoid:beta=1",
                         **options))
    assert len(re.findall("mean L1 distance", caplog.text)) == 1
    assert re.search(told, caplog.text), caplog.text


class TwoTensors(keras.Model):

    def __init__(self):
        super().__init__()
        self.dense = classifiers.dense("softmax")

    def call(self, left, right):
        return self.dense(left + right)


def test_a_model_of_two_arguments_is_refused_by_name():
    from revsig_keras import DefendedModel
    with pytest.raises(ValueError, match="all of its inputs in the first.*right"):
        DefendedModel(TwoTensors())


def test_a_task_with_a_preprocessor_is_refused_by_name():
    from revsig_keras import DefendedModel
    task = model()
    task.preprocessor = keras.layers.Rescaling(2.0)
    with pytest.raises(ValueError, match="`preprocessor`"):
        DefendedModel(task)


def examples():
    """Each ends in a zero byte, as floats of 0.0 do."""
    return [
        tf.train.Example(features=tf.train.Features(
            feature={
                "features": tf.train.Feature(float_list=tf.train.FloatList(value=[*row[:5], 0.0]))
            })).SerializeToString() for row in X[:3]
    ]


def test_byte_strings_keep_the_zeros_at_their_end(tmp_path):
    values = examples()
    assert all(value.endswith(b"\0") for value in values)
    array = np.empty(len(values), object)
    array[:] = values
    np.save(tmp_path / "x.npy", array)
    np.savez(tmp_path / "x.npz", examples=array)
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as file:
        for value in values:
            file.write(value)
    for name, key in (("x.npy", None), ("x.npz", "examples"), ("x.tfrecord", None)):
        assert load_inputs(tmp_path / name)[key].tolist() == values


@pytest.mark.parametrize("argument", ["warmup", "inputs"])
@pytest.mark.parametrize("name, values", [
    ("x.npz", examples),
    ("x.npy", examples),
    ("x.npy", lambda: [b"\x00\x01", b"\x01\x00"]),
    ("x.npy", lambda: [b"\xff\xfe\x00", b"\xff"]),
])
def test_byte_strings_that_lost_zeros_are_refused(name, values, argument, tmp_path):
    """Before a truncated Example is sent to a server; the remedy is named."""
    array = np.array(values())
    if name == "x.npz":
        np.savez(tmp_path / name, examples=array)
    else:
        np.save(tmp_path / name, array)
    with pytest.raises(ValueError, match=f"`{argument}` must.*zeros.*tfrecord.*array of obj") as e:
        load_inputs(tmp_path / name, argument)
    assert len(str(e.value).splitlines()) == 1


@pytest.mark.parametrize("array", [
    np.array([b"a", b"word", "caf\u00e9".encode()]),
    np.array([b"two words\n"], "S40"),
    np.array([example[:-4] for example in examples()]),
    np.array(["text", "x"]),
])
def test_other_byte_strings_are_taken(array, tmp_path):
    """Text of any length, and bytes of one length without zeros at their end."""
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(load_inputs(tmp_path / "x.npy")[None], array)


def test_warm_up_of_examples_that_end_in_zeros(source_folder, tmp_path):
    pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as file:
        for value in examples():
            file.write(value)
    config = exports.config("module_examples",
                            source_folder("module_examples"),
                            tmp_path / "base",
                            warmup=tmp_path / "x.tfrecord")
    result = export(config)
    assert not result.untried
    array = np.empty(3, object)
    array[:] = examples()
    assert answers(result.path, {"serving_default": {"examples": array}})


class Harmful:

    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize("value", [Harmful(), {}, 1, [b"x"]])
def test_other_objects_are_refused_and_not_run(value, tmp_path, capsys):
    array = np.empty(1, object)
    array[0] = value
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match="objects other than byte strings"):
        load_inputs(tmp_path / "x.npy")
    assert not capsys.readouterr().out


def test_an_error_says_what_the_model_said():

    def error(message):
        return tf.errors.InvalidArgumentError(None, None, message)

    told = "Feature: x (data type: float) is required but could not be found."
    for message in (f"{told}\n\t [[{{{{node Parse}}}}]]",
                    f"Graph execution error:\n\nDetected at node Parse defined at (most recent "
                    f"call last):\n<stack traces unavailable>\n{told}\n\t [[{{{{node Parse}}}}]]",
                    f"Graph execution error:\n\n{told}\n\t [[node Parse]] [Op:__inference_f]"):
        assert cause_of(error(message)) == told
