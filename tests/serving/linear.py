"""The one classifier that all SavedModels of the tests hold: linear, in NumPy to compare with."""
import numpy as np

FEATURES = 6
# A row is six words, or the values that the words have.
VALUES = np.linspace(-2, 2, 41, dtype="float32")
WORDS = [f"word{i:02}" for i in range(len(VALUES))]
LABELS = ("ant", "bee", "cat", "dog", "elk")


def weights(classes):
    """The kernel and the bias."""
    rng = np.random.default_rng(classes)
    return np.float32(rng.normal(size=(FEATURES, classes))), np.float32(rng.normal(size=classes))


def draw(rows, seed=0):
    """Values of random words, `(rows, FEATURES)`."""
    return np.random.default_rng(seed).choice(VALUES, size=(rows, FEATURES))


def logits(values, classes):
    kernel, bias = weights(classes)
    return values.astype("float64") @ kernel + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    y = np.exp(x - x.max(axis=-1, keepdims=True))
    return y / y.sum(axis=-1, keepdims=True)
