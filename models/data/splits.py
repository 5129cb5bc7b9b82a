"""Who has which rows: victim, thief, evaluator."""
import dataclasses

import numpy as np

from models.data.dataset import Dataset
from models.data.streamed import Inputs
from models.seeds import derive

# Shares of the rows outside the test split, in the order of the fields of `Splits`.
_SHARES = {"victim_train": 0.45, "victim_validation": 0.05, "pool": 0.40, "evaluation": 0.10}
# Share of all rows, where there is no official test split.
_TEST_SHARE = 0.20


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Inputs and their true labels."""
    x: Inputs
    y: np.ndarray

    def __len__(self):
        return len(self.x)


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set in parts that have no row in common.

    Rows are told apart by their place in the data set: a row that is in it twice can be in two
    parts.

    Attributes:
        split_seed: the seed that the parts follow from.
        victim_train: what the victim is trained on.
        victim_validation: what the victim's owner may choose with.
        pool: the unlabelled inputs that the thief has, in random order. They are not stratified by
            their true labels, which the thief does not know.
        evaluation: what the evaluator may choose with, for all thieves alike.
        test: what figures are measured on; nothing is chosen with it. The official test split if
            there is one.
    """
    split_seed: int
    victim_train: Rows
    victim_validation: Rows
    pool: Rows
    evaluation: Rows
    test: Rows


def split(dataset: Dataset, split_seed: int) -> Splits:
    """Splits a data set at random: 45% victim training, 5% victim validation, 40% pool, 10%
    evaluation.

    These are shares of the rows outside the test split. Where there is no official test split, it
    is 20% of all rows.

    Args:
        dataset: a `datasets.Dataset`.
        split_seed: an integer that the parts follow from. It has nothing to do with the seeds of
            victims and thieves.

    Returns:
        A `Splits`.
    """
    if not isinstance(split_seed, (int, np.integer)) or split_seed < 0:
        raise ValueError(
            f"split_seed must be an integer of at least 0. Received: split_seed={split_seed!r}")
    order = np.random.default_rng(derive(split_seed, "split")).permutation(len(dataset.x))
    if dataset.test_x is None:
        test_rows, order = np.split(order, [round(_TEST_SHARE * len(order))])
        test = Rows(dataset.x.take(test_rows, axis=0), dataset.y[test_rows])
    else:
        test = Rows(dataset.test_x, dataset.test_y)
    ends = np.rint(np.cumsum(list(_SHARES.values())) * len(order)).astype(int)
    parts = {
        name: Rows(dataset.x.take(rows, axis=0), dataset.y[rows])
        for name, rows in zip(_SHARES, np.split(order, ends[:-1]), strict=True)
    }
    if not all(len(rows) for rows in [test, *parts.values()]):
        raise ValueError(
            f"The data set {dataset.name} must have enough rows for five parts, about 30. "
            f"Received: {len(dataset.x)} rows")
    return Splits(split_seed, **parts, test=test)
