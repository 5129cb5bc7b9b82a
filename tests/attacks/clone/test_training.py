"""The training of a clone as a value."""
import dataclasses

import numpy as np
import pytest

from attacks.adversaries.semi_supervised import Consistency
from attacks.adversaries.through_defence import ThroughDefence
from attacks.clone.clone import Clone
from attacks.clone.recipe import Recipe
from attacks.clone.training import Training
from attacks.clone.transfer_set import TransferSet
from models.training.objective import Objective
from tests.attacks.clone.trainings import INPUTS
from tests.attacks.clone.trainings import make_training
from tests.attacks.clone.trainings import new_trainer
from tests.attacks.clone.trainings import TARGETS
from tests.attacks.clone.trainings import TRANSFER_SET
from tests.attacks.clone.trainings import weights

ROWS = np.arange(24, dtype=np.float32).reshape(6, 4)
ANSWERS = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2]]
PLAIN = Training(Recipe("mlp", steps=20), TransferSet(ROWS, ANSWERS, ANSWERS), 3, 20)
START = Clone(None, (), 1, 0.0, (), "0123456789abcdef")
OTHER_RECIPE = Recipe("mlp", "sgd:learning_rate=.1", 16, 20, 0.25, 3, "mixed_bfloat16", True)


@pytest.mark.parametrize("changes, digest", [
    ({}, "4200644f19957728"),
    ({"seed": 4}, "bfed15aeb7b5a5f9"),
    ({"transfer_set": dataclasses.replace(PLAIN.transfer_set, max_shift=1)}, "b548cc925b9a42c4"),
    ({"steps": 5}, "c175c6c7631f2526"),
    ({"objective": Consistency(0.95), "unlabelled": ROWS, "unlabelled_shift": 1},
     "ec834d389432616c"),
    ({"objective": ThroughDefence("reverse_sigmoid"), "start": START}, "b7f5fb1514334a8d"),
    ({"start": START}, "9fd0bf13d14ea751"),
    ({"recipe": OTHER_RECIPE}, "eb11be82d2896a8c"),
])  # yapf: disable
def test_digests_are_those_of_earlier_releases(changes, digest):
    """They are in the records of published results."""
    assert dataclasses.replace(PLAIN, **changes).digest() == digest


def test_the_digest_is_that_of_the_values():
    copies = TransferSet(ROWS.copy(), ANSWERS.copy(), ANSWERS.copy())
    again = Training(Recipe("mlp", "adam:learning_rate=.001", steps=20), copies, 3, 20)
    assert again.digest() == PLAIN.digest()
    # Answers count only through the targets that are made of them.
    others = dataclasses.replace(PLAIN.transfer_set, answers=ANSWERS[::-1])
    assert dataclasses.replace(PLAIN, transfer_set=others).digest() == PLAIN.digest()


class Weighted(Objective):
    """A loss as a user writes it."""
    __slots__ = ("slot",)

    def __init__(self, weight, slot=0):
        self.weight, self.slot = weight, slot


def local(weight):
    """An objective whose function knows the weight."""

    class Local(Objective):

        def losses(self, model, batch, variables):
            return weight * super().losses(model, batch, variables)

    return Local()


@pytest.mark.parametrize("make, is_told", [
    (Weighted, True),
    (lambda weight: Weighted((weight, "a", None)), True),
    (lambda weight: Weighted(0, slot=weight), True),
    (lambda weight: Weighted(np.full(3000, weight)), False),
    (lambda weight: Weighted(lambda: weight), False),
    (local, False),
])
def test_an_objective_without_a_repr_is_known_by_its_attributes(make, is_told):
    """So its stopped training is resumed by another process; no two have one clone in doubt."""
    made = [make(1), make(1), make(2)]
    first, again, other = (dataclasses.replace(PLAIN, objective=one).digest() for one in made)
    assert (first == again) == is_told and first != other


def test_a_training_is_not_changed_by_being_done():
    training = make_training(held_out=0.5, unlabelled=INPUTS)
    before = training.digest()
    clones = [new_trainer().train(training) for _ in range(2)]
    assert training.digest() == before == clones[0].digest
    np.testing.assert_array_equal(*map(weights, clones))


@pytest.mark.parametrize("rows, fraction, held", [(60, 0.2, 12), (60, 0.001, 1), (2, 0.9, 1),
                                                  (60, 0.0, 0)])
def test_rows_are_on_one_side_of_the_split_and_neither_side_is_empty(rows, fraction, held):
    training = make_training(TRANSFER_SET.part(np.arange(rows)), held_out=fraction)
    train, held_out = training.split()
    assert (len(held_out) if held_out else 0) == held
    both = np.concatenate([train.inputs, *([held_out.inputs] if held_out else [])])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(INPUTS[:rows], axis=0))


def test_held_out_rows_are_not_trained_on_without_label_either():
    training = make_training(held_out=0.5, unlabelled=INPUTS)
    train, held_out = training.split()
    rest = training.unlabelled_without(held_out)
    np.testing.assert_array_equal(np.sort(rest, axis=0), np.sort(train.inputs, axis=0))
    assert training.unlabelled_without(None) is INPUTS


def test_steps_are_counted_in_epochs_of_the_rows_that_are_trained_on():
    recipe = Recipe("mlp", steps=20, batch_size=10)
    assert recipe.count_steps(epochs=2, rows=60) == 12
    assert recipe.count_steps(epochs=9, rows=60) == 20
    assert recipe.count_steps(epochs=10, rows=5) == 10  # A batch is all five of them.
    assert dataclasses.replace(recipe, held_out=0.5).count_steps(epochs=2, rows=60) == 6


def test_labels_are_those_of_the_answers():
    soft = make_training(TransferSet(INPUTS, TARGETS, np.full_like(TARGETS, 1 / 3)))
    assert soft.with_labels().digest() == make_training().digest()


class Workers:
    """Two workers as the one sees them that is not the chief.

    Args:
        chief: The chief's training.
    """
    count = 2

    def __init__(self, chief):
        self._chief, self.were_different = chief, []

    def agree(self, value):
        return self._chief.digest() if isinstance(value, str) else value

    def agree_array(self, array):
        return INPUTS if array.shape == INPUTS.shape else TARGETS

    def any(self, *flags):
        self.were_different.extend(flags)
        return list(flags)


def test_all_workers_train_on_the_answers_of_the_chief():
    """Theirs may differ by rounding."""
    chiefs = make_training()
    rounded = make_training(TransferSet(INPUTS + np.float32(1e-7), TARGETS, TARGETS))
    workers = Workers(chiefs)
    assert rounded.digest() != chiefs.digest() == rounded.agreed(workers).digest()
    assert chiefs.agreed(workers) is chiefs and workers.were_different == [True, False]
