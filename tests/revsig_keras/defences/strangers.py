"""Defences as their authors write them outside the library, each of another kind."""
import functools

import keras
from keras import ops
import numpy as np

from revsig_keras import Defence
from tests.documents import defence_that_is_added

registered = keras.saving.register_keras_serializable(package="strangers")


@functools.cache
def readme_code():
    """The code block of the documentation that adds a defence."""
    return defence_that_is_added()[1]


def readme_defence(**kwargs):
    """The defence of the README; each call registers its class anew, as a user's file does once."""
    namespace = {}
    exec(compile(readme_code(), "README.md", "exec"), namespace)
    return namespace["Blend"](**kwargs)


@registered
class Inverted(Defence):
    """The worst that `perturb` may return: labels last, not normalised, negative, in float16."""

    def perturb(self, probabilities):
        return ops.cast(100.0 * (0.5 - probabilities), "float16")


@registered
class Silent(Defence):
    """Withholds everything, the label too."""

    def perturb(self, probabilities):
        return ops.zeros_like(probabilities)


@registered
class InvertedLogits(Inverted):
    """Receives logits, and turns them around."""
    from_logits = True

    def perturb(self, probabilities):
        return ops.softmax(-probabilities)


@registered
class OtherAxis(Inverted):
    """Has its classes on the axis before the last."""
    axis = -2


@registered
class CoarseUnits(Defence):
    """Sigmoid units, rounded, so that most of them come to lie on 1/2."""
    multi_label = True

    def perturb(self, probabilities):
        return 0.5 * ops.round(2.0 * probabilities)


@registered
class CoarseUnitLogits(CoarseUnits):
    """Receives the logits of sigmoid units."""
    from_logits = True

    def perturb(self, probabilities):
        return 0.5 * ops.round(2.0 * ops.sigmoid(probabilities))


@registered
class Table(Defence):
    """Answers with one of a few constant rows, which the label chooses."""

    @property
    def keeps_label(self):
        return "by_construction"

    def perturb(self, probabilities):
        rows = ops.cast(self.rows(probabilities.shape[-1]), probabilities.dtype)
        spoilt = 0.0 * ops.sum(probabilities, axis=-1, keepdims=True)
        return ops.take(rows, ops.argmax(probabilities, axis=-1), axis=0) + spoilt

    @staticmethod
    def rows(classes):
        """A row for each label."""
        rows = np.eye(classes) + 0.1
        return rows / rows.sum(axis=1, keepdims=True)


@registered
class Liar(Inverted):
    """Claims to keep the label, and does not."""

    @property
    def keeps_label(self):
        return "by_construction"

    def perturb(self, probabilities):
        return ops.softmax(-probabilities)


@registered
class Late(Defence):
    """Checks the number of classes where training does not come by."""

    def perturb(self, probabilities):
        if probabilities.shape[-1] < 3:
            raise ValueError("fewer than 3 classes")
        return 1.0 + probabilities


@registered
class FourClasses(Defence):
    """Does not check the number of classes at all."""

    def perturb(self, probabilities):
        return probabilities + ops.convert_to_tensor([0.1, 0.2, 0.3, 0.4], probabilities.dtype)


@registered
class FixedBatch(Defence):
    """Needs to know the size of the batch."""

    def perturb(self, probabilities):
        return ops.reshape(1.0 + probabilities, probabilities.shape)


@registered
class Forgetful(Defence):
    """Has a parameter that is not in its configuration."""

    def __init__(self, **kwargs):
        self.share = kwargs.pop("share", 1.0)
        super().__init__(**kwargs)

    def perturb(self, probabilities):
        return probabilities + self.share


@registered
class Drawn(Defence):
    """Draws anew for each answer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def perturb(self, probabilities):
        return probabilities + keras.random.uniform(probabilities.shape, seed=self.generator)


@registered
class Prior(Defence):
    """Blends with the mean of the rows it was fitted to."""

    def fit_state(self, probabilities, labels):
        return {"mean": probabilities.mean(axis=0), "rows": len(probabilities), "labels": labels}

    def check_input(self, shape, dtype=None):
        super().check_input(shape, dtype)
        if self.state and len(self.state["mean"]) != shape[-1]:
            raise ValueError(f"fitted to {len(self.state['mean'])} classes. Received: {shape}")

    def perturb(self, probabilities):
        return probabilities + ops.convert_to_tensor(self.state["mean"], probabilities.dtype)


@registered
class Keyed(Defence):
    """Blends with a row that follows from a secret key."""
    secrets = ("key",)

    def __init__(self, key: str = "", share: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        if len(key) < 8:
            raise ValueError(f"`key` must have 8 characters or more. Received: key={key!r}")
        self.key, self.share = key, share

    def perturb(self, probabilities):
        generator = np.random.default_rng(list(self.key.encode()))
        row = generator.random(probabilities.shape[-1]).astype("float32")
        return probabilities + self.share * ops.cast(row, probabilities.dtype)

    def get_config(self):
        return {**super().get_config(), "key": self.key, "share": self.share}
