"""Whether adversarial examples made on a clone fool the victim."""
import types

import numpy as np

from attacks.evaluation.transferability import Transferability
from models.data.splits import Rows

CLASSES = 10


class Reader:
    """A victim that reads the class off the first number of a row, and errs where that is 0.5."""

    def probabilities(self, x):
        return np.eye(CLASSES)[np.where(x[:, 0] % 1 == 0.5, 0, x[:, 0]).astype(int)]


def attacked(y, spoilt=0):
    """The inputs and classes on which a clone is asked for gradients; some rows are not right."""
    x = np.stack([y, np.arange(len(y))], axis=1).astype("float32")
    x[len(y) - spoilt:, 0] += 0.5
    asked = []
    clone = types.SimpleNamespace(
        gradients=lambda x, y, of: asked.append((x, y, of)) or np.zeros_like(x))
    Transferability(Reader(), Rows(x, y), 0.0, (0.0, 1e4)).measure(clone)
    return asked[0]


def test_rows_that_are_sorted_by_class_are_all_represented():
    """At most 1,000 rows are used, each once and always the same ones."""
    y = np.repeat(np.arange(CLASSES), 500)
    inputs, labels, of = attacked(y)
    assert len(labels) == len(np.unique(inputs, axis=0)) == 1000 and of == "cross_entropy"
    assert np.bincount(labels, minlength=CLASSES).min() > 50
    np.testing.assert_array_equal(inputs, attacked(y)[0])


def test_few_rows_are_all_used_where_the_victim_is_right():
    y = np.repeat(np.arange(1, CLASSES), 10)
    inputs, labels, _ = attacked(y, spoilt=20)
    np.testing.assert_array_equal(labels, y[:70])
    np.testing.assert_array_equal(inputs[:, 1], np.arange(70))
