"""Divides a data set between victim, thief and evaluator."""
import dataclasses
import logging

import numpy as np

from models.data.dataset import Dataset
from models.data.groups import divide
from models.data.streamed import Inputs
from models.seeds import derive
from revsig_keras.arguments import check_integer

_LOG = logging.getLogger(__name__)

# Fractions of the rows outside the test split, in the order of the fields of `Splits`.
_FRACTIONS = {"victim_train": 0.45, "victim_validation": 0.05, "pool": 0.40, "evaluation": 0.10}
_WITHOUT_VICTIM = {"victim_train": 0.0, "victim_validation": 0.0, "pool": 0.90, "evaluation": 0.10}
# The fraction of all rows that is the test split if there is no official one.
_TEST_FRACTION = 0.20


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Inputs and their true labels.

    Attributes:
        x: The inputs.
        y: The labels.
        groups: The group number of each row; rows that are equal or belong together share one.
            `None` if unknown.
    """
    x: Inputs
    y: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self):
        return len(self.x)


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set in disjoint parts.

    No row is in two parts, nor are equal rows or rows of one group.

    Attributes:
        split_seed: The seed that determines the parts.
        victim_train: The rows that the victim is trained on, none if it was trained elsewhere.
        victim_validation: The rows with which the victim's owner may choose, likewise.
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


def split(dataset: Dataset, split_seed: int, for_victim: bool = True) -> Splits:
    """Splits a data set at random.

    The test split is the official one, or 20% of all rows. The other rows are divided into 45%
    victim training, 5% victim validation, 40% pool and 10% evaluation; without a victim to train,
    its rows are the thief's. Equal rows and rows of one group stay together, so the fractions are
    only about these. Rows that equal a row of the official test split, or are of one group with it,
    are in no part; a warning tells their number.

    Args:
        dataset: The data set.
        split_seed: The integer that determines the parts. It is independent of the seeds of victims
            and thieves.
        for_victim: Whether a victim is trained on a part of the rows. Defaults to `True`.

    Raises:
        ValueError: If a part would have no row.
    """
    split_seed = check_integer("split_seed", split_seed, least=0)
    order = np.random.default_rng(derive(split_seed, "split")).permutation(len(dataset.x))
    groups, test_groups = dataset.row_groups
    if dataset.test_x is None:
        test_rows, order = divide(order, groups, [round(_TEST_FRACTION * len(order))])
        test = Rows(dataset.x.take(test_rows, axis=0), dataset.y[test_rows], groups[test_rows])
    else:
        order = _without(order, np.isin(groups, test_groups), dataset.name)
        test = Rows(dataset.test_x, dataset.test_y, test_groups)
    fractions = _FRACTIONS if for_victim else _WITHOUT_VICTIM
    ends = np.rint(np.cumsum(list(fractions.values())) * len(order)).astype(int)
    parts = {
        name: Rows(dataset.x.take(rows, axis=0), dataset.y[rows], groups[rows])
        for name, rows in zip(fractions, divide(order, groups, ends[:-1]), strict=True)
    }
    if not all([len(test), *(len(rows) for name, rows in parts.items() if fractions[name])]):
        raise ValueError(
            f"The data set {dataset.name} must have enough rows for five parts, about 30, and "
            f"enough groups. Received: {len(dataset.x)} rows in {len(np.unique(groups))} groups of "
            "rows that are equal or belong together")
    return Splits(split_seed, **parts, test=test)


def _without(order, is_in_test, name):
    """The order without rows that the official test split has too; a warning counts them."""
    if is_in_test.any():
        _LOG.warning(
            "The data set %s: %s rows are left out, which equal a row of its test split or are of "
            "one group with it.", name, f"{is_in_test.sum():,}")
    return order[~is_in_test[order]]
