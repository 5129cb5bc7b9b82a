"""Divides a data set between victim, thief and evaluator."""
import dataclasses

import numpy as np

from models.data.dataset import Dataset
from models.data.streamed import Inputs
from models.seeds import derive
from revsig_keras.arguments import check_integer

# Fractions of the rows outside the test split, in the order of the fields of `Splits`.
_FRACTIONS = {"victim_train": 0.45, "victim_validation": 0.05, "pool": 0.40, "evaluation": 0.10}
# The fraction of all rows that is the test split if there is no official one.
_TEST_FRACTION = 0.20


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Inputs and their true labels."""
    x: Inputs
    y: np.ndarray

    def __len__(self):
        return len(self.x)


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set in disjoint parts.

    A row is identified by its place in the data set: duplicates may be in different parts.

    Attributes:
        split_seed: The seed that determines the parts.
        victim_train: The rows that the victim is trained on.
        victim_validation: The rows with which the victim's owner may choose.
        pool: The unlabelled inputs that the thief has, in random order. They are not stratified by
            their true labels, which the thief does not know.
        evaluation: The rows with which the evaluator may choose, for all thieves alike.
        test: The rows that figures are measured on, and with which nothing is chosen. The official
            test split if there is one.
    """
    split_seed: int
    victim_train: Rows
    victim_validation: Rows
    pool: Rows
    evaluation: Rows
    test: Rows


def split(dataset: Dataset, split_seed: int) -> Splits:
    """Splits a data set at random.

    The test split is the official one, or 20% of all rows. The other rows are divided into 45%
    victim training, 5% victim validation, 40% pool and 10% evaluation.

    Args:
        dataset: The data set.
        split_seed: The integer that determines the parts. It is independent of the seeds of victims
            and thieves.
    """
    split_seed = check_integer("split_seed", split_seed, least=0)
    order = np.random.default_rng(derive(split_seed, "split")).permutation(len(dataset.x))
    if dataset.test_x is None:
        test_rows, order = np.split(order, [round(_TEST_FRACTION * len(order))])
        test = Rows(dataset.x.take(test_rows, axis=0), dataset.y[test_rows])
    else:
        test = Rows(dataset.test_x, dataset.test_y)
    ends = np.rint(np.cumsum(list(_FRACTIONS.values())) * len(order)).astype(int)
    parts = {
        name: Rows(dataset.x.take(rows, axis=0), dataset.y[rows])
        for name, rows in zip(_FRACTIONS, np.split(order, ends[:-1]), strict=True)
    }
    if not all(len(rows) for rows in [test, *parts.values()]):
        raise ValueError(
            f"The data set {dataset.name} must have enough rows for five parts, about 30. "
            f"Received: {len(dataset.x)} rows")
    return Splits(split_seed, **parts, test=test)
