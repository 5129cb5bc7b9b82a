"""One set of checks over all architectures."""
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import architectures

SHAPE = (10, 10, 1)
BUILT_IN = [name for name in architectures.ARCHITECTURES.names if name != "custom"]


@pytest.mark.parametrize("name", BUILT_IN)
class TestEveryArchitecture:

    def test_interface(self, name):
        model = architectures.build(name, (11, 10, 2), 5, seed=0)
        assert model.input_shape == (None, 11, 10, 2) and model.output_shape == (None, 5)
        assert model.inputs[0].name == "inputs"
        assert model.layers[-1].name == "logits"
        assert model.layers[-1].activation is keras.activations.linear

    def test_everything_follows_from_the_seed(self, name):
        first, same, other = (architectures.build(name, SHAPE, 4, seed) for seed in (7, 7, 8))
        x = np.random.default_rng(0).random((5, *SHAPE), "float32")
        for training in (False, True):
            outputs = [model(x, training=training).numpy() for model in (first, same, other)]
            assert np.array_equal(outputs[0], outputs[1])
            assert not np.array_equal(outputs[0], outputs[2])
        seeds = [layer.seed for layer in first.layers if hasattr(layer, "seed")]
        seeds += [
            layer.kernel_initializer.seed for layer in first.layers if hasattr(layer, "kernel")
        ]
        assert len(set(seeds)) == len(seeds)
        paths = [[weight.path for weight in model.trainable_weights] for model in (first, other)]
        assert paths[0] == paths[1], "TensorFlow keeps memory for each new name"

    def test_no_global_seed_is_touched(self, name):
        drawn = []
        for build in (False, True):
            keras.utils.set_random_seed(0)
            if build:
                architectures.build(name, SHAPE, 4, seed=3)
            drawn.append((random.random(), np.random.random(), float(tf.random.uniform([])),
                          float(keras.random.uniform([]))))
        assert drawn[0] == drawn[1]

    def test_with_softmax(self, name):
        model = architectures.build(name, SHAPE, 4, seed=0)
        whole = architectures.with_softmax(model)
        x = np.random.default_rng(0).random((5, *SHAPE), "float32")
        np.testing.assert_allclose(whole(x), keras.ops.softmax(model(x)), rtol=1e-6)
        assert whole.layers[-1].dtype_policy.name == "float32"
        model.layers[-1].bias.assign([100, 0, 0, 0])
        assert np.all(np.argmax(whole(x), -1) == 0), "the variables are shared"


def test_mnist_cnn_is_the_published_one():
    layers = architectures.build("mnist_cnn", (28, 28, 1), 10, seed=0).layers
    assert [type(layer).__name__ for layer in layers] == [
        "InputLayer", "Conv2D", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dropout",
        "Dense"
    ]
    assert sum(np.size(weight) for layer in layers for weight in layer.get_weights()) == 1_199_882


@pytest.mark.parametrize("name, expected", [("cifar_cnn", 1_250_858), ("resnet20", 269_722)])
def test_networks_for_cifar_have_the_published_parameters(name, expected):
    model = architectures.build(name, (32, 32, 3), 10, seed=0)
    assert sum(np.size(weight) for weight in model.trainable_weights) == expected


def test_resnet20_has_twenty_layers_and_shortcuts_without_parameters():
    model = architectures.build("resnet20", (32, 32, 3), 10, seed=0)
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 20 and len(model.weights) == 19 * 5 + 2
    adds = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    assert [layer.output.shape[1:] for layer in adds[::3]] == [(32, 32, 16), (16, 16, 32),
                                                               (8, 8, 64)]
    shortcut = keras.Model(model.input, [adds[2].output, adds[3].input[0]])
    before, after = shortcut(np.random.default_rng(0).random((2, 32, 32, 3), "float32"))
    np.testing.assert_array_equal(after[..., :16], keras.ops.relu(before)[:, ::2, ::2])
    assert not np.any(after[..., 16:])


@pytest.mark.parametrize("name", ["cifar_cnn", "resnet20"])
def test_networks_for_cifar_can_be_saved(name, tmp_path):
    model = architectures.with_softmax(architectures.build(name, (12, 12, 3), 4, seed=0))
    model.save(tmp_path / "model.keras")
    x = np.random.default_rng(0).random((3, 12, 12, 3), "float32")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize("name, expected", [
    ("mlp", [-0.038596, 0.017915, -0.182882]),
    ("digits_cnn", [-0.031033, 0.008445, 0.12463, -0.182882]),
    ("mnist_cnn", [-0.031033, 0.008445, 0.107366, -0.131262]),
])  # yapf: disable
def test_the_weights_of_a_seed_stay_what_they_were(name, expected):
    """Published figures rest on them."""
    model = architectures.build(name, (8, 8, 1), 4, seed=7)
    found = [float(layer.kernel.numpy().ravel()[0]) for layer in model.layers if layer.weights]
    assert found == pytest.approx(expected, abs=1e-6)


def test_mlp_takes_any_shape():
    assert architectures.build("mlp", (7,), 3, 0).output_shape == (None, 3)
    assert architectures.build("mlp", (4, 5), 3, 0).output_shape == (None, 3)


@pytest.mark.parametrize("arguments, message", [
    (("resnet", (8, 8, 1), 3), "Unknown architecture 'resnet' .*: mlp, digits_cnn, mnist_cnn, "),
    (("digits_cnn", (64,), 3), r"digits_cnn needs images .*Received: input_shape=\(64,\)"),
    (("mnist_cnn", (28, 28), 3), "mnist_cnn needs images"),
    (("mnist_cnn", (28, 5, 1), 3), "at least 6 x 6 pixels"),
    (("mlp", (8,), 1), "num_classes must be at least 2. Received: num_classes=1"),
])  # yapf: disable
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        architectures.build(*arguments, seed=0)


@pytest.mark.parametrize("name, least", [("digits_cnn", 4), ("mnist_cnn", 6), ("cifar_cnn", 10),
                                         ("resnet20", 4)])
def test_least_size_is_enough(name, least):
    assert architectures.build(name, (least, least, 3), 2, 0).output_shape == (None, 2)


def test_an_architecture_can_be_added(monkeypatch):
    """With options, which its name then takes."""

    class Linear(architectures.Architecture):

        def __init__(self, units: int = 3):
            self.units = units

        def features(self, inputs, layers):
            return layers.dense(self.units)(layers.flatten()(inputs))

    registry = architectures.ARCHITECTURES
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    registry.add("linear", Linear)
    model = architectures.build("linear:units=7", (2, 2), 4, seed=0)
    assert model.layers[-1].kernel.shape == (7, 4) and model.name == "linear"
    with pytest.raises(ValueError,
                       match="must be a subclass of `models.architectures.architecture"):
        registry.add("other", lambda inputs, layers: inputs)
