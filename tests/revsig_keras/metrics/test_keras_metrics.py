"""The Keras metrics of one output, against float64 references."""
import keras
import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import roc_auc_score

from revsig_keras import DefendedModel
from revsig_keras.metrics import BrierScore
from revsig_keras.metrics import ConfidenceAUROC
from revsig_keras.metrics import ExpectedCalibrationError
from tests.revsig_keras import backends

METRICS = (BrierScore, ConfidenceAUROC, ExpectedCalibrationError)
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
each_class_count = pytest.mark.parametrize("classes", backends.some_of(10, 2, 100))


def sample(classes, rows=500, seed=0, scale=3.0):
    """Labels and overconfident float32 probabilities, saturated ones among them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes)) * scale
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    y = np.array([rng.choice(classes, p=np.sqrt(row) / np.sqrt(row).sum()) for row in p])
    p[:20] = np.eye(classes)[p[:20].argmax(1)]
    return y, p.astype("float32")


def reference(metric, y, p, weight=None, bins=15):
    """The definitions, in float64, with a loop over the bins."""
    p = p.astype("float64")
    weight = np.ones(len(y)) if weight is None else weight
    confidence, right = p.max(1), p.argmax(1) == y
    if metric is BrierScore:
        return np.average(((p - np.eye(p.shape[1])[y])**2).sum(1), weights=weight)
    if metric is ConfidenceAUROC:
        return roc_auc_score(right, confidence, sample_weight=weight)
    error = 0
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins) & (weight > 0)
        if inside.any():
            accuracy = np.average(right[inside], weights=weight[inside])
            mean = np.average(confidence[inside], weights=weight[inside])
            error += weight[inside].sum() / weight.sum() * abs(accuracy - mean)
    return error


def value(metric, *arguments, **options):
    metric.update_state(*arguments, **options)
    return float(metric.result())


# A bin of confidences counts as equal.
TOLERANCE = {BrierScore: 1e-6, ConfidenceAUROC: 2e-3, ExpectedCalibrationError: 1e-6}


@each_metric
@pytest.mark.parametrize("classes, weighted", [
    (10, False),
    (10, True),
    *((classes, True) for classes in backends.some_of(10, 2, 100)[1:]),
])
def test_against_the_definition(metric, classes, weighted):
    """In one go, in batches, and in a compiled function."""
    y, p = sample(classes)
    weight = np.random.default_rng(1).integers(0, 4, len(y)) / 2 if weighted else None
    expected = pytest.approx(reference(metric, y, p, weight), abs=TOLERANCE[metric])
    assert value(metric(), y, p, weight) == expected

    batched, compiled = metric(), metric()
    update = backends.compiled_update(compiled)
    for start in range(0, len(y), 250):
        batch = [None if x is None else x[start:start + 250] for x in (y, p, weight)]
        batched.update_state(*batch)
        update(*(None if x is None else backends.constant(x) for x in batch))
    assert float(batched.result()) == expected
    assert float(compiled.result()) == expected
    batched.reset_state()
    assert value(batched, y, p, weight) == expected


def test_the_auroc_tells_sure_answers_apart():
    """Where all confidences round to 1.00."""
    rng = np.random.default_rng(0)
    rest = 10**rng.uniform(-6.5, -2.5, 2000)
    p = np.stack([1 - rest, rest], 1).astype("float32")
    y = (rng.random(2000) < 0.1 + 0.8 * (rest > 1e-4)).astype(int)
    expected = roc_auc_score(y == 0, p[:, 0])
    assert 0.7 < expected == pytest.approx(value(ConfidenceAUROC(), y, p), abs=2e-3)


def test_brier_is_twice_the_binary_one():
    y, p = sample(2)
    assert value(BrierScore(), y, p) == pytest.approx(2 * brier_score_loss(y, p[:, 1]), abs=1e-6)


def test_by_hand():
    assert value(BrierScore(), [0, 1], [[1.0, 0.0], [1.0, 0.0]]) == 1.0
    assert value(ExpectedCalibrationError(), [1], [[1.0, 0.0]]) == 1.0
    assert value(ConfidenceAUROC(), [0, 1], [[1.0, 0.0], [0.6, 0.4]]) == 1.0
    assert value(ConfidenceAUROC(), [1, 0], [[1.0, 0.0], [0.6, 0.4]]) == 0.0
    # The label of a tie is the lowest index.
    assert value(ExpectedCalibrationError(), [0], [[0.5, 0.5]]) == 0.5
    # One bin: gaps of both signs cancel, as they do not in two.
    pair = [0, 1], [[0.6, 0.4], [0.6, 0.4]]
    assert value(ExpectedCalibrationError(bins=1), *pair) == pytest.approx(0.1)


@each_class_count
def test_a_calibrated_set_has_hardly_any_calibration_error(classes):
    """Labels drawn from the probabilities."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(classes, 0.2), 20_000)
    y = (p.cumsum(1) < rng.random((len(p), 1))).sum(1).clip(0, classes - 1)
    assert value(ExpectedCalibrationError(), y, p) < 0.02
    unsure = np.sqrt(p) / np.sqrt(p).sum(1, keepdims=True)
    assert value(ExpectedCalibrationError(), y, unsure) > 0.05


@each_metric
def test_labels_and_one_hot_rows_are_the_same(metric):
    """And a column of labels, floats, and leading axes."""
    y, p = sample(10)
    expected = value(metric(), y, p)
    for same in (y[:, None], np.eye(10)[y], y.astype("float32"), y.astype("uint8")):
        assert value(metric(), same, p) == expected
    # A scalar weight changes no mean.
    assert value(metric(), y, p, 2.0) == pytest.approx(expected, abs=1e-6)
    assert value(metric(), y.reshape(50, 10), p.reshape(50, 10, 10), np.ones(
        (50, 10))) == pytest.approx(expected, abs=1e-6)
    assert value(metric(), y, p, np.ones((500, 1))) == pytest.approx(expected, abs=1e-6)


@each_metric
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes(metric, dtype):
    y, p = sample(10)
    with backends.enabled(dtype):
        p = backends.constant(p, dtype)
        expected = reference(metric, y, backends.as_float64(p))
        # In a bin, confidences count as equal; in bfloat16, many fall on its edges or rows are off
        # 1.
        assert value(metric(), y, p) == pytest.approx(expected, abs=5e-3)


@each_metric
def test_nothing_to_measure(metric):
    """0 as in Keras, but NaN for an area that is not defined."""
    expected = pytest.approx(np.nan if metric is ConfidenceAUROC else 0.0, nan_ok=True)
    assert float(metric().result()) == expected
    assert value(metric(), np.zeros(0, int), np.zeros((0, 3), "float32")) == expected
    assert value(metric(), [0], [[1.0, 0.0]], [0.0]) == expected


@each_metric
@pytest.mark.parametrize("label, row", [
    (2, [0.9, 0.1]), (-1, [0.9, 0.1]), (0.5, [0.9, 0.1]), (0, [3.0, -2.0]), (0, [3.0, 1.0]),
    (0, [0.1, 0.1]), (0, [np.nan, 0.5]), (0, [np.inf, 0.5])])  # yapf: disable
def test_values_that_make_no_sense_give_nan(metric, label, row):
    """Unless they have no weight: a mask."""
    y, p = np.array([0, 1, label]), np.array([[0.8, 0.2], [0.7, 0.3], row], "float32")
    assert np.isnan(value(metric(), y, p))
    assert value(metric(), y, p, [1.0, 1.0, 0.0]) == value(metric(), y[:2], p[:2])


@each_metric
def test_shapes_and_dtypes_that_do_not_fit_are_refused(metric):
    p = np.full((4, 3), 1 / 3, "float32")
    for y, prediction, weight, message in (
        (np.zeros(3), p, None, r"`y_true` must have an entry per row.*Received: y_true.shape=\(3,"),
        (np.zeros((4, 2)), p, None, "`y_true` must have an entry per row"),
        (np.zeros(4), p, np.ones(3), r"`sample_weight` must.*sample_weight.shape=\(3,"),
        (np.zeros(4), p[:, :1], None, r"2 classes or more. Received: shape=\(4, 1\)"),
        (np.zeros(4), p[:, 0], None, r"2 classes or more. Received: shape=\(4,\)"),
        (np.zeros(4), np.zeros((4, 3), int), None, "floating-point dtype. Received: dtype=int"),
    ):
        with pytest.raises(ValueError, match=message):
            metric().update_state(y, prediction, weight)


@pytest.mark.parametrize("metric", [ConfidenceAUROC, ExpectedCalibrationError])
@pytest.mark.parametrize("bins", [0, -1, 1.5, True, "15", None])
def test_bins(metric, bins):
    with pytest.raises(ValueError, match=f"`bins` must be an integer.*Received: bins={bins!r}"):
        metric(bins=bins)


@each_metric
def test_serialization(metric):
    options = {"name": "other", "dtype": "float64"}
    if metric is not BrierScore:
        options["bins"] = 7
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(metric(**options)))
    assert type(again) is metric
    assert again.get_config()["name"] == "other" and again.dtype == "float64"
    assert again.get_config() == metric(**options).get_config()


@pytest.mark.parametrize("jit_compile", [
    pytest.param(False, marks=backends.only_on("tensorflow", "torch", reason="minutes on JAX")),
    pytest.param(True,
                 marks=(backends.only_on("tensorflow", "jax", reason="minutes on torch"),
                        *[pytest.mark.slow][keras.backend.backend() == "jax":])),
])
def test_in_a_defended_model(tmp_path, jit_compile):
    """`fit` sees the clean probabilities, `evaluate` the defended ones, also once reloaded."""
    keras.utils.set_random_seed(0)
    # XLA compiles for seconds, for each size of a batch anew.
    rows = 2000 if jit_compile else 2010
    x = np.random.default_rng(0).normal(size=(rows, 4)).astype("float32")
    y = (x[:, :2] > 0).sum(1)
    model = DefendedModel(
        keras.Sequential([keras.Input((4,)),
                          keras.layers.Dense(3, activation="softmax")]))
    model.compile(keras.optimizers.Adam(0.05),
                  "sparse_categorical_crossentropy",
                  metrics=[metric() for metric in METRICS],
                  weighted_metrics=[BrierScore(name="weighted")],
                  jit_compile=jit_compile)
    history = model.fit(x, y, batch_size=40, epochs=2, validation_data=(x, y), verbose=0).history
    assert history["brier_score"][-1] < history["brier_score"][0]
    path = tmp_path / "model.keras"
    model.save(path)
    weight = np.arange(rows) % 2
    served = model.predict(x, batch_size=40, verbose=0)
    for tried in (model, keras.saving.load_model(path)):
        found = tried.evaluate(x,
                               y,
                               batch_size=40,
                               sample_weight=weight,
                               verbose=0,
                               return_dict=True)
        for metric in METRICS:
            expected = reference(metric, y, served)
            assert found[metric().name] == pytest.approx(expected, abs=TOLERANCE[metric])
        assert found["weighted"] == pytest.approx(reference(BrierScore, y, served, weight),
                                                  abs=1e-6)
    assert history["val_brier_score"][-1] == pytest.approx(reference(BrierScore, y, served), 1e-5)
