"""A servable answers as the V1 loader does, and says what is wrong with a request."""
import numpy as np
import pytest
import tensorflow as tf

from tests.serving import c_api
from tests.serving import served_model
from tests.serving.loaded import INIT
from tests.serving.loaded import Servable
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES
from tests.serving.status import ServingError

X, SCALE = served_model.X, served_model.SCALE
each_signature = pytest.mark.parametrize("name", served_model.INPUTS)


@pytest.fixture(scope="module")
def servable(versions):
    return Servable(versions / "12")


@each_signature
def test_outputs_are_those_of_the_function_that_was_saved(name, servable, versions):
    """In their types, bytes and all."""
    inputs = served_model.INPUTS[name]
    function = tf.saved_model.load(versions / "12").signatures[name]
    expected = function(**{key: tf.constant(array) for key, array in inputs.items()})
    outputs = servable.run(name, inputs)
    assert set(outputs) == set(expected)
    for key, array in outputs.items():
        assert array.dtype == expected[key].numpy().dtype
        np.testing.assert_array_equal(array, expected[key].numpy())


def test_scalars_are_arrays(servable):
    assert servable.run("mean", {"x": X})["mean"].shape == ()


def test_the_default_signature_needs_no_name(servable):
    inputs = served_model.INPUTS[DEFAULT]
    np.testing.assert_equal(servable.run("", inputs), servable.run(DEFAULT, inputs))


def test_the_filter_chooses_outputs(servable):
    inputs = served_model.INPUTS[DEFAULT]
    assert set(servable.run(DEFAULT, inputs, ["label"])) == {"label"}


def test_the_operation_that_initialises_is_no_signature(servable):
    assert INIT in servable.signature_defs and INIT not in servable.signatures


def test_an_input_that_is_not_given_has_its_default(tmp_path):
    source = SOURCES["module_defaults"]
    source.build(tmp_path / "model")
    servable = Servable(tmp_path / "model", source.tags[0])
    inputs = source.inputs(4)[DEFAULT]
    expected = servable.run(DEFAULT, inputs)
    del inputs["temperature"]
    np.testing.assert_equal(servable.run(DEFAULT, inputs), expected)


# What is asked, and what the error says.
REFUSED = {
    "signature": (("none", {}), "FAILED_PRECONDITION", 'signature key "none" not found'),
    "init": ((INIT, {}), "FAILED_PRECONDITION", "not found"),
    "missing": ((DEFAULT, dict(x=X)), "INVALID_ARGUMENT", r"1!=2 .*but required: {scale}"),
    "extra": (("single", dict(x=X, y=X)), "INVALID_ARGUMENT", r"2!=1 .*Sent extra: {y}"),
    "other": (("single", dict(y=X)), "INVALID_ARGUMENT", r"extra: {y}.*required: {x}"),
    "dtype": (("single", dict(x=np.float64(X))), "INVALID_ARGUMENT", "float32 but float64"),
    "rank": (("single", dict(x=X[0])), "INVALID_ARGUMENT", r"shape \(3,\)"),
    "size": (("single", dict(x=X[:, :2])), "INVALID_ARGUMENT", r"shape \(3, 2\)"),
    "rows": ((DEFAULT, dict(x=X, scale=SCALE[:2])), "INVALID_ARGUMENT", "Incompatible shapes"),
    "output": (("single", dict(x=X), ["z"]), "INVALID_ARGUMENT", "in signature: z .*{y}"),
    "twice": (("single", dict(x=X), ["y", "y"]), "INVALID_ARGUMENT", "duplicate .*: y"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name, servable):
    arguments, code, message = REFUSED[name]
    with pytest.raises(ServingError, match=message) as refusal:
        servable.run(*arguments)
    assert refusal.value.code == code


@pytest.mark.skipif(not all(path.exists() for path in c_api.libraries()),
                    reason="TensorFlow brings no C library here")
@each_signature
def test_the_c_api_answers_alike(name, servable, versions):
    """To the bit, in a process without Python's TensorFlow."""
    inputs, signature = served_model.INPUTS[name], servable.signature(name)
    outputs = servable.run(name, inputs)
    feeds = {signature.inputs[key].name: array for key, array in inputs.items()}
    answers = c_api.run_in_c_api(versions / "12", feeds,
                                 [signature.outputs[key].name for key in outputs])
    for key, answer in zip(outputs, answers, strict=True):
        assert answer.dtype == outputs[key].dtype
        np.testing.assert_array_equal(answer, outputs[key])


def test_errors_of_the_c_api_are_told(tmp_path):
    with pytest.raises(RuntimeError, match="Could not find SavedModel"):
        c_api.run_in_c_api(tmp_path, {}, [])
