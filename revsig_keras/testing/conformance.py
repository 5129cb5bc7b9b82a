"""The checks that every defence must pass, in this repository and outside."""
from collections.abc import Callable
import inspect
import json
import pathlib
import tempfile
from typing import Any

import keras
from keras import ops
import numpy as np

from revsig_keras.defences.base import Defence
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.numerics.probabilities import epsilon
from revsig_keras.testing import backends
from revsig_keras.testing.subject import as_float64
from revsig_keras.testing.subject import dtype_of
from revsig_keras.testing.subject import Subject

# Shorter texts are found by chance.
_SHORTEST_SECRET = 8


def check_defence(layer: Defence, classes: int = 10) -> None:
    """Checks that a defence keeps the promises of the base class.

    It is tried on ordinary and hostile rows, eager and compiled, in float32 and narrower dtypes,
    saved and loaded, in training and without. Call it in the tests of a defence of your own:

    >>> import revsig_keras
    >>> check_defence(revsig_keras.Rounding(decimals=2))

    Args:
        layer: A `Defence`, fitted if it needs that.
        classes: Integer, the number of classes of the rows it is tried on. Defaults to `10`.

    Raises:
        AssertionError: For the first check that fails. The message names it.
    """
    if not isinstance(layer, Defence):
        raise ValueError(f"`layer` must be a `revsig_keras.Defence`. Received: {layer!r}")
    for name, check in CHECKS.items():
        try:
            check(Subject(layer, classes))
        except Exception as error:
            raise AssertionError(f"{layer!r} fails the check {name!r}: {error}") from error


def check_rows(subject: Subject) -> None:
    """Rows are distributions and keep their label as claimed, in each mode and each dtype."""
    hostile, ordinary = subject.hostile(400, 1), subject.ordinary(400, 3, 2)
    inputs = np.concatenate([hostile, ordinary])
    for policy in backends.policies():
        layer = subject.variant(dtype=policy)
        step = epsilon(layer.compute_dtype)
        outputs = {}
        for name, mode in backends.modes_of(policy).items():
            where = f"{policy}, {name}"
            with backends.enabled(policy):
                output = mode(layer)(ops.convert_to_tensor(inputs))
                _require(dtype_of(output) == layer.compute_dtype, f"{where}: not the compute dtype")
                output = outputs[name] = as_float64(output)
            _require(output.shape == inputs.shape, f"{where}: another shape")
            rows = subject.distributions(output)
            _require(np.isfinite(rows).all() and (rows >= 0).all(), f"{where}: no probabilities")
            np.testing.assert_allclose(rows.sum(axis=1), 1, atol=2 * step, err_msg=where)
            if subject.layer.keeps_label != "no":
                lost = (rows.argmax(axis=1) != subject.labels(inputs)).mean()
                _require(not lost, f"{where}: {lost:.1%} of the labels are lost")
            # Modes differ in rounding only.
            np.testing.assert_allclose(output[len(hostile):], outputs["eager"][len(hostile):],
                                       16 * step, step, err_msg=where)  # yapf: disable


def check_config(subject: Subject) -> None:
    """The configuration has every argument of the constructor, and makes an equal layer."""
    layer, kind = subject.layer, type(subject.layer)
    name = keras.saving.get_registered_name(kind)
    _require(
        keras.saving.get_registered_object(name) is kind,
        "Keras does not know the class: decorate it with `keras.saving.register_keras_serializable`"
    )
    config = layer.get_config()
    parameters = inspect.signature(kind.__init__).parameters
    named = {key for key, value in parameters.items() if value.kind is not value.VAR_KEYWORD}
    missing = named - config.keys() - {"self"}
    _require(not missing, f"`get_config` lacks {sorted(missing)}")
    json.dumps(config, default=keras.saving.serialize_keras_object)
    copied = kind.from_config(config).get_config()
    _require(copied == config, "`from_config` makes a layer of another configuration")


def check_reload(subject: Subject) -> None:
    """A model that ends in the defence answers the same to the bit after it was saved."""
    inputs = np.concatenate([subject.hostile(400, 1), subject.ordinary(400, 3, 2)])
    model = keras.Sequential([keras.Input(inputs.shape[1:]), subject.variant()])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        reloaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(as_float64(reloaded(inputs)), as_float64(model(inputs)))


def check_training(subject: Subject) -> None:
    """In training the layer is the identity, or the softmax of logits, unless it is forced."""
    inputs = subject.ordinary(20, 1, 4)
    clean, tolerance = subject.clean(inputs), 1e-6 if subject.layer.from_logits else 0
    layer = subject.variant(apply_in_training=False)
    forced = subject.variant(apply_in_training=True)
    np.testing.assert_allclose(as_float64(layer(inputs, training=True)), clean, tolerance)
    answers = as_float64(layer(inputs))
    np.testing.assert_array_equal(as_float64(forced(inputs, training=True)), answers)
    _require(not np.array_equal(answers, clean), "rows stay as they are")


def check_copies(subject: Subject) -> None:
    """Asked again, a layer answers the same, and so does a copy made of its configuration."""
    inputs, layer = subject.ordinary(20, 1, 4), subject.layer
    answers = as_float64(layer(inputs))
    _require(np.array_equal(as_float64(layer(inputs)), answers), "the same rows have other answers")
    _require(
        np.array_equal(as_float64(subject.variant()(inputs)), answers),
        "a copy that `from_config` makes answers otherwise: `get_config` lacks what `perturb` uses")


def check_gradients(subject: Subject) -> None:
    """Gradients are finite, at one-hot rows, ties and the smallest probabilities too."""
    inputs = np.concatenate([subject.extreme(5), subject.hostile(80, 6)])
    weights = np.arange(1.0, subject.classes + 1, dtype="float32")
    weights = weights.reshape(subject.shape(1))
    for policy, name in backends.mode_of_policy().items():
        layer = subject.variant(dtype=policy)
        tensor = ops.cast(ops.convert_to_tensor(inputs), layer.compute_dtype)
        gradients = backends.gradients(_weighted_sum(layer, weights))
        gradient, = backends.modes()[name](gradients)(tensor)
        _require(np.isfinite(as_float64(gradient)).all(), f"{policy}, {name}: not finite")


def _weighted_sum(layer: Defence, weights: np.ndarray) -> Callable[[Any], Any]:
    # A map that is piecewise constant has no gradient at all, which counts as 0.
    return lambda inputs: ops.sum(ops.cast(layer(inputs), "float32") * weights)


def check_batches(subject: Subject) -> None:
    """A row has the same answer in any batch, of any size and rank; a batch may be empty."""
    inputs, layer = subject.ordinary(60, 2, 7), subject.variant()
    answer = backends.usual_mode()(layer)
    whole = as_float64(answer(inputs))
    for mode in (answer, backends.for_any_batch(layer, inputs)):
        np.testing.assert_allclose(as_float64(mode(inputs[:1])), whole[:1], 1e-6)
        np.testing.assert_allclose(as_float64(mode(inputs[::-1][:13])), whole[::-1][:13], 1e-6)
        _require(
            mode(inputs[:0]).shape == (0, *inputs.shape[1:]), "an empty batch changes its shape")
    if subject.layer.axis == -1:
        deep = as_float64(answer(inputs.reshape(3, 4, 5, -1)))
        np.testing.assert_allclose(deep.reshape(whole.shape), whole, 1e-6)
        np.testing.assert_allclose(as_float64(answer(inputs[0])), whole[0], 1e-6)


def check_spoilt_rows(subject: Subject) -> None:
    """A row (or a sigmoid unit) with a NaN or an infinity becomes NaN, and no other."""
    inputs = subject.ordinary(60, 2, 7)
    whole = as_float64(subject.layer(inputs))
    spoilt = inputs.copy()
    gone = np.zeros(inputs.shape, bool)
    places = {3: np.nan, 5: np.nan} if subject.layer.multi_label else {3: np.nan, 5: np.inf}
    for row, value in places.items():
        spoilt[row].flat[-1] = value
        if subject.layer.multi_label:
            gone[row].flat[-1] = True
        else:
            gone[row] = True
    for name, mode in backends.modes().items():
        output = as_float64(mode(subject.variant())(ops.convert_to_tensor(spoilt)))
        np.testing.assert_allclose(output, np.where(gone, np.nan, whole), 2e-6, err_msg=name)


def check_shapes(subject: Subject) -> None:
    """The layer keeps shapes and masks, and has no weights."""
    layer, shape = subject.variant(), (None, *subject.shape(1)[1:])
    _require(layer.compute_output_shape(shape) == shape, "`compute_output_shape` changes the shape")
    _require(layer(keras.Input(shape[1:])).shape == shape, "a symbolic call changes the shape")
    _require(layer.supports_masking, "`supports_masking` is not set")
    _require(not layer.weights, "it has weights")


def check_refusals(subject: Subject) -> None:
    """Inputs that are no rows of probabilities are refused, in training and without alike."""
    shape = subject.shape(2)
    refused = {f"an input of {dtype}": np.ones(shape, dtype) for dtype in ("int32", "bool")}
    for what, inputs in refused.items():
        _require(_refuses(subject.variant(), inputs), f"it accepts {what}")
    for classes in (1, 2):  # Few shapes: some backends compile for each.
        inputs = np.full(Subject(subject.layer, classes).shape(2), 1 / classes, "float32")
        refused[f"{classes} classes"] = inputs
    for what, inputs in refused.items():
        _require(
            _refuses(subject.variant(), inputs) == _refuses(subject.variant(), inputs, True),
            f"whether it accepts {what} depends on `training`")
    if not subject.layer.multi_label:
        unknown = keras.Input((None,) * (len(shape) - 1))
        _require(_refuses(subject.variant(), unknown), "it accepts an unknown number of classes")


def _refuses(layer: Defence, inputs: Any, training: bool = False) -> bool:
    try:
        layer(inputs, training=training)
    except ValueError:
        return True
    except Exception as error:  # pylint: disable=broad-except
        # Where `perturb` cannot compute, each backend raises errors of its own.
        raise AssertionError(f"an input of shape {tuple(inputs.shape)} ends in "
                             f"{type(error).__name__}: refuse it in `check_input`") from error
    return False


def check_code(subject: Subject) -> None:
    """A coded defence answers with its constants, to the bit, which `decode` reads."""
    layer = subject.layer
    if not isinstance(layer, CodedDefence):
        return
    inputs = np.concatenate([subject.hostile(400, 1), subject.ordinary(400, 3, 2)])
    most = layer.most_answers(layer.classes_of(inputs.shape))
    for policy, name in backends.mode_of_policy().items():
        variant = subject.variant(dtype=policy)
        answers = as_float64(backends.modes()[name](variant)(ops.convert_to_tensor(inputs)))
        distinct, strays = variant.count(answers)
        where = f"{policy}, {name}"
        _require(not strays, f"{where}: {strays} answers are no constants")
        _require(distinct <= most, f"{where}: {distinct} different answers, of at most {most}")
        labels = variant.decode(answers).labels.ravel()
        _require((labels == subject.labels(inputs)).all(), f"{where}: `decode` loses labels")


def check_secrets(subject: Subject) -> None:
    """No secret is in the public configuration or in the layer's text."""
    config = subject.layer.get_config()
    texts = [repr(subject.layer), str(subject.layer), str(subject.layer.public_config())]
    for name in subject.layer.secrets:
        _require(name in config, f"the configuration has no entry {name!r}, which is a secret")
        secret = str(config[name])
        shown = len(secret) >= _SHORTEST_SECRET and any(secret in text for text in texts)
        _require(not shown, f"the secret {name!r} is shown")


def _require(condition: Any, message: str) -> None:
    if not condition:
        raise AssertionError(message)


CHECKS: dict[str, Callable[[Subject], None]] = {
    "config": check_config,
    "shapes": check_shapes,
    "training": check_training,
    "copies": check_copies,
    "refusals": check_refusals,
    "rows": check_rows,
    "batches": check_batches,
    "spoilt rows": check_spoilt_rows,
    "gradients": check_gradients,
    "reload": check_reload,
    "code": check_code,
    "secrets": check_secrets,
}
