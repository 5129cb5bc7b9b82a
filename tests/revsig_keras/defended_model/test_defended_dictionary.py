"""Several outputs defended at once, each by a defence of its own."""
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras import TopK
from revsig_keras.saved_model.inspection import inspect_saved_model
from tests.tables import some_quick

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
DEFENCES = {
    "label": lambda: ReverseSigmoid(beta=1.5),
    "tags": lambda: ReverseSigmoid(multi_label=True),
    "logits": lambda: ReverseSigmoid(from_logits=True),
}
ARRANGE = {
    "dict": (lambda heads: heads, {}),
    "list": (lambda heads: [heads[name] for name in ("tags", "logits", "label")], {
        "tags": 0,
        "logits": 1,
        "label": 2
    }),
    "nested": (lambda heads: {
        "first": [heads["label"]],
        "rest": (heads["tags"], heads["logits"])
    }, {
        "label": "first/0",
        "tags": "rest/0",
        "logits": "rest/1"
    }),
}


@keras.saving.register_keras_serializable(package="tests.dictionary")
class Subclassed(keras.Model):
    """Does not tell its outputs before it is called."""

    def __init__(self, kind="dict", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind
        self.heads = {
            name: keras.layers.Dense(4, activation, name=name)
            for name, activation in zip(DEFENCES, ("softmax", "sigmoid", None))
        }

    def call(self, inputs):
        return ARRANGE[self.kind][0]({name: head(inputs) for name, head in self.heads.items()})

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def functional(kind="dict"):
    inputs = keras.Input((6,), name="pixels")
    return keras.Model(inputs, Subclassed(kind).call(inputs))


def names(kind):
    return {name: ARRANGE[kind][1].get(name, name) for name in DEFENCES}


def defended(make, kind):
    return DefendedModel(make(kind), {key: DEFENCES[name]() for name, key in names(kind).items()})


@pytest.mark.parametrize("make, kind", [
    (functional, "dict"),
    (Subclassed, "nested"),
    (functional, "list"),
    pytest.param(Subclassed, "dict", marks=pytest.mark.slow),
    pytest.param(functional, "nested", marks=pytest.mark.slow),
    pytest.param(Subclassed, "list", marks=pytest.mark.slow),
])
def test_each_output_has_its_defence(make, kind, tmp_path):
    """In the structure of the model; also after a reload, and in an export."""
    model = defended(make, kind)
    clean, outputs = model.model(X), model(X)
    keras.tree.assert_same_structure(clean, outputs)
    expected = ARRANGE[kind][0]({name: make() for name, make in DEFENCES.items()})
    for defence, before, after in zip(*map(keras.tree.flatten, (expected, clean, outputs))):
        np.testing.assert_allclose(after, defence(before), 1e-6)
        assert np.abs(after - before).max() > 0.01
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    for before, after in zip(*map(keras.tree.flatten, (outputs, reloaded(X)))):
        np.testing.assert_array_equal(after, before)
    assert list(reloaded.defence) == list(map(str, names(kind).values()))
    if kind == "dict":
        model.export(tmp_path / "served", verbose=False)
        report = inspect_saved_model(tmp_path / "served")
        assert {output.status for output in report.outputs} == {"defended"}
        served = tf.saved_model.load(tmp_path / "served")
        for name, values in served.serve(X).items():
            np.testing.assert_allclose(values, outputs[name], 1e-5)


def test_an_output_without_a_defence_has_to_be_vouched_for(tmp_path):
    model = DefendedModel(functional(), {"label": ReverseSigmoid()})
    with pytest.raises(ValueError, match="would be clean: logits .*; tags"):
        model.export(tmp_path / "served", verbose=False)
    model.export(tmp_path / "served", verbose=False, allow_outputs=["logits", "tags"])


@pytest.mark.parametrize("defence, output, message", [
    ({}, None, "`defence` must be an instance .*or a dictionary"),
    ({"label": None}, None, "`defence` must be an instance"),
    ({"label": ReverseSigmoid()}, "label", "`output` must be left out"),
    ({None: ReverseSigmoid()}, None, "Received: .None"),
    ({True: ReverseSigmoid()}, None, "Received: .True"),
    ({"other": ReverseSigmoid()}, None, "`output` must name.*Received: output='other'"),
    ({"label": ReverseSigmoid(), "named": TopK()}, None, "two of which are one output"),
    ({"tags": ReverseSigmoid()}, None, "4 sigmoid units"),
    ({"label": ReverseSigmoid(), "logits": ReverseSigmoid()}, None, "Add a softmax"),
])  # yapf: disable
def test_what_does_not_fit_is_refused(defence, output, message):
    """Before any call."""
    inputs = keras.Input((6,))
    heads = Subclassed().call(inputs)
    model = keras.Model(inputs, heads)
    model.output_names[list(model.output_names).index("label")] = "named"
    with pytest.raises(ValueError, match=message):
        DefendedModel(model, defence, output)


def test_a_loss_of_logits_is_refused_for_each_defended_output():
    model = defended(functional, "dict")
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    for name in DEFENCES:
        with pytest.raises(ValueError, match="must not expect logits"):
            model.compile("sgd", {name: loss})


def ending(dtype):
    inputs = keras.Input((6,), dtype="float32")
    logits = keras.layers.Dense(4)(inputs)
    return keras.Model(inputs, keras.layers.Softmax(dtype=dtype)(logits))


@keras.saving.register_keras_serializable(package="tests.dictionary")
class Unknown(keras.Model):
    """Has outputs of a dtype that nobody knows before it is called."""

    def __init__(self, dtype_of_scores, **kwargs):
        super().__init__(**kwargs)
        self.dtype_of_scores = dtype_of_scores
        self.inner = keras.layers.Dense(4)
        self.last = keras.layers.Softmax(dtype=dtype_of_scores)

    def call(self, inputs):
        return self.last(self.inner(inputs))

    def get_config(self):
        return {**super().get_config(), "dtype_of_scores": self.dtype_of_scores}


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


POLICIES = ("float32", "mixed_float16", "float64")
DTYPES = ("float16", "float32", "float64", "bfloat16")
# Each policy with another dtype.
QUICK = (("float32", "float16"), ("mixed_float16", "float32"), ("float64", "bfloat16"))


@pytest.mark.parametrize("policy, dtype",
                         some_quick(itertools.product(POLICIES, DTYPES), QUICK),
                         indirect=["policy"])
@pytest.mark.parametrize("make", [ending, Unknown])
def test_answers_have_the_dtype_of_the_scores(make, dtype, policy, tmp_path):
    """Whatever the policy is; a dtype that the defence was given is kept."""
    layer = ReverseSigmoid()
    before = layer.compute_dtype
    model = DefendedModel(make(dtype), layer)
    assert keras.backend.standardize_dtype(model(X).dtype) == dtype
    if make is ending:
        assert layer.compute_dtype == before
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert reloaded(X).dtype == dtype
    given = DefendedModel(make(dtype), ReverseSigmoid(dtype="float32"))
    assert given(X).dtype == "float32"
    model.export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    assert served.serve(X).dtype == dtype


@pytest.mark.parametrize("called", some_quick([False, True], [True]))
def test_a_model_can_be_quantized(called, tmp_path):
    """Before its first call too; the answers stay close, and it can be saved."""
    model = defended(functional, "dict")
    before = {name: np.array(values) for name, values in model.model(X).items()}
    if called:
        model.predict(X, verbose=0)
    model.quantize("int8")
    for name, values in model.model(X).items():
        np.testing.assert_allclose(values, before[name], atol=0.05)
    outputs = model(X)
    for name, values in model.predict(X, verbose=0).items():
        np.testing.assert_allclose(values, outputs[name], 1e-5)
    model.save(tmp_path / "model.keras")
    for name, values in keras.saving.load_model(tmp_path / "model.keras")(X).items():
        np.testing.assert_allclose(values, outputs[name], 1e-5)


def test_a_model_that_is_not_built_is_not_quantized():
    """Nor changed: it works as before."""
    model = defended(Subclassed, "dict")
    with pytest.raises(ValueError, match="called before it is quantized|not built yet"):
        model.quantize("int8")
    np.testing.assert_allclose(
        model(X)["label"], DEFENCES["label"]()(model.model(X)["label"]), 1e-6)
    model.quantize("int8")
    assert np.isfinite(model(X)["label"]).all()
