"""Models of several outputs: one is defended, the others are passed on as they are."""
import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid

pytestmark = pytest.mark.usefixtures("collected")
X = np.random.default_rng(0).normal(size=(32, 6)).astype("float32")
LABELS = np.random.default_rng(1).integers(4, size=32)
SIZES = np.random.default_rng(2).normal(size=(32, 1)).astype("float32")
ARRANGE = {
    "dict": lambda label, size: {
        "label": label,
        "size": size
    },
    "list": lambda label, size: [size, label],
    "tuple": lambda label, size: (label, size),
    "nested": lambda label, size: {
        "heads": [label],
        "other": {
            "size": size
        }
    },
}
NAMES = {"dict": ["label", "named"], "list": [1, "named"], "tuple": [0], "nested": ["heads/0"]}


def functional(kind="dict"):
    """Its layers, and so its `output_names`, are not called as the keys of the dictionary."""
    inputs = keras.Input((6,), name="pixels")
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    label = keras.layers.Dense(4, activation="softmax", name="named")(hidden)
    return keras.Model(inputs, ARRANGE[kind](label, keras.layers.Dense(1, name="sized")(hidden)))


@keras.saving.register_keras_serializable(package="tests")
class TwoHeads(keras.Model):
    """Nobody knows its outputs before it is called."""

    def __init__(self, kind="dict", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind
        self.label = keras.layers.Dense(4, activation="softmax")
        self.size = keras.layers.Dense(1)

    def call(self, inputs):
        return ARRANGE[self.kind](self.label(inputs), self.size(inputs))

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def cases():
    for kind, names in NAMES.items():
        for name in names:
            yield pytest.param(functional, kind, name, id=f"functional-{kind}-{name}")
        yield pytest.param(TwoHeads, kind, names[0], id=f"subclassed-{kind}-{names[0]}")


@pytest.mark.parametrize("make, kind, output", cases())
def test_only_the_named_output_is_defended(make, kind, output, tmp_path):
    """The others are the very same numbers, in the same structure; also after a reload."""
    model = make(kind)
    defended = DefendedModel(model, ReverseSigmoid(beta=1.5), output=output)
    clean, outputs = model(X), defended(X)
    keras.tree.assert_same_structure(clean, outputs)
    replaced = 0
    for before, after in zip(keras.tree.flatten(clean), keras.tree.flatten(outputs)):
        if before.shape[1] == 1:
            np.testing.assert_array_equal(after, before)
        else:
            replaced += 1
            np.testing.assert_allclose(after, ReverseSigmoid(beta=1.5)(before), 1e-6)
            assert np.abs(after - before).max() > 0.01
    assert replaced == 1
    expected = ARRANGE[kind]((None, 4), (None, 1))
    assert defended.compute_output_shape((None, 6)) == expected
    symbolic = defended(keras.Input((6,)))
    assert keras.tree.map_structure(lambda x: x.shape, symbolic) == expected

    defended.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert reloaded.get_config()["output"] == output
    for before, after in zip(keras.tree.flatten(outputs), keras.tree.flatten(reloaded(X))):
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("wrap, name", [(lambda x: {
    "label": x
}, "label"), (lambda x: [x], 0)],
                         ids=["dict", "list"])
def test_one_output_needs_no_name(wrap, name):
    """Inside a dictionary or list of one; and it may be named."""

    class Wrapped(keras.layers.Dense):

        def call(self, inputs, training=False):
            return wrap(super().call(inputs))

    layer = Wrapped(4, activation="softmax")
    for output in (None, name):
        answer = DefendedModel(layer, output=output)(X)
        keras.tree.assert_same_structure(answer, wrap(0))
        np.testing.assert_allclose(answer[name], ReverseSigmoid()(layer(X)[name]), 1e-6)


@pytest.mark.parametrize("kind, known", [("dict", r"\['label', 'size'\]"), ("list", r"\[0, 1\]"),
                                         ("nested", r"\['heads/0', 'other/size'\]")])
@pytest.mark.parametrize("output", [None, "nothing", 2])
def test_an_output_that_is_not_known_is_refused(output, kind, known):
    """With what there is: at once, and of a subclassed model at its first call of any kind."""
    message = rf"`output` must name.*Received: output={output!r}, where the outputs are: {known}"
    with pytest.raises(ValueError, match=message):
        DefendedModel(functional(kind), output=output)
    for first in (lambda model: model(X), lambda model: model.predict(X, verbose=0),
                  lambda model: model(keras.Input((6,)))):
        defended = DefendedModel(TwoHeads(kind), output=output)
        with pytest.raises(ValueError, match=message):
            first(defended)


def test_what_is_no_name_is_refused():
    """A boolean is no index."""
    for output in (True, 1.0, ["label"]):
        with pytest.raises(ValueError, match="`output` must be the key, index or name"):
            DefendedModel(functional(), output=output)
    with pytest.raises(ValueError, match="where the outputs are: one, without a name"):
        DefendedModel(keras.layers.Dense(4, activation="softmax"), output="label")(X)


def history(model, losses, targets):
    """Of two epochs with validation, from a fixed start, all given by name."""
    for weight in model.weights:
        weight.assign(np.random.default_rng(3).normal(size=weight.shape))
    label, _ = losses
    model.compile("sgd",
                  loss=dict(zip(losses, ["sparse_categorical_crossentropy", "mse"])),
                  loss_weights=dict(zip(losses, [1.0, 0.1])),
                  metrics={label: ["accuracy"]},
                  run_eagerly=True)
    targets = dict(zip(targets, [LABELS, SIZES]))
    return model.fit(X, targets, epochs=2, shuffle=False, verbose=0,
                     validation_data=(X, targets)).history


@pytest.mark.parametrize("kind, losses", [
    ("dict", ["label", "size"]),
    pytest.param("list", ["named", "sized"], marks=pytest.mark.slow),
])
def test_losses_and_metrics_are_given_by_output(kind, losses):
    """As without the wrapper: all is equal, except for the validation of the defended output."""
    expected = history(functional(kind), losses, losses)
    got = history(DefendedModel(functional(kind), output=NAMES[kind][0]), losses, losses)
    assert list(got) == list(expected)
    differing = {"val_loss", f"val_{losses[0]}_loss"}
    for key, values in expected.items():
        close = np.allclose(got[key], values, 1e-4)
        assert close == (key not in differing), key


LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
PROBABILITIES = keras.losses.SparseCategoricalCrossentropy()


def test_a_loss_of_logits_is_refused():
    """Alone or in any structure, for the defended output only, and metrics likewise."""
    one = DefendedModel(keras.layers.Dense(4, activation="softmax"))
    two = DefendedModel(functional(), output="label")
    unknown = DefendedModel(TwoHeads(), output="label")
    listed = DefendedModel(functional("list"), output="named")
    nested = DefendedModel(functional("nested"), output="heads/0")
    metric = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    for model, refused in ((one, dict(loss=LOGITS)), (one, dict(loss=[LOGITS])),
                           (one, dict(metrics=[metric])), (two, dict(loss=LOGITS)),
                           (two, dict(loss={
                               "label": LOGITS,
                               "size": "mse"
                           })), (two, dict(metrics={"label": ["accuracy", metric]})),
                           (two, dict(weighted_metrics={"label": metric})),
                           (unknown, dict(loss={"label": LOGITS})), (listed,
                                                                     dict(loss=["mse", LOGITS])),
                           (listed,
                            dict(loss={"named": LOGITS})), (nested,
                                                            dict(loss={"heads": [LOGITS]}))):
        with pytest.raises(ValueError, match="must not expect logits. Use `from_logits=False`"):
            model.compile("sgd", **refused)
    for model, fine in ((one, dict(loss=PROBABILITIES, metrics=["accuracy"])),
                        (two, dict(loss={
                            "label": PROBABILITIES,
                            "size": binary
                        })), (unknown, dict(loss={"size": binary})),
                        (listed, dict(loss=[binary, PROBABILITIES])),
                        (nested, dict(loss={"other": {
                            "size": binary
                        }}))):
        model.compile("sgd", **fine)


def test_an_export_has_them_all_if_that_is_allowed(tmp_path):
    """By the names of the dictionary."""
    defended = DefendedModel(functional(), output="label")
    with pytest.raises(ValueError, match=r"size \(signature .* name it in `allow_outputs`"):
        defended.export(tmp_path / "served", verbose=False)
    assert not list(tmp_path.iterdir())
    defended.export(tmp_path / "served", verbose=False, allow_outputs=["size"])
    served = tf.saved_model.load(str(tmp_path / "served"))
    for name, values in served.signatures["serving_default"](pixels=tf.constant(X)).items():
        np.testing.assert_allclose(values, defended(X)[name], 1e-5)
