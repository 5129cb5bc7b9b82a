"""The workshop of a thief: equal trainings are done once, and progress is counted."""
import numpy as np

from attacks.clone.memory import Memory
from attacks.clone.workshop import Workshop
from tests.attacks.clone.trainings import make_trainer
from tests.attacks.clone.trainings import make_training
from tests.attacks.clone.trainings import TARGETS
from tests.attacks.clone.trainings import TRANSFER_SET
from tests.attacks.clone.trainings import weights


def make_workshop(**options):
    return Workshop(make_training().recipe, make_trainer(), **options)


def test_equal_trainings_are_done_once_and_both_count_as_progress():
    counted, watched = [], []
    workshop = make_workshop(progress=counted.append,
                             watch=lambda model, step: watched.append(step))
    assert workshop.train(make_training()) is workshop.train(make_training())
    assert watched == [5, 10, 20]
    assert sum(counted) == 40


def test_workshops_share_clones_through_their_memory_alone():
    shared = Memory()
    one, same = (make_workshop(memory=shared).train(make_training()) for _ in range(2))
    other = make_workshop().train(make_training())
    assert one is same is not other
    np.testing.assert_array_equal(weights(one), weights(other))


def test_clones_that_the_memory_cannot_keep_are_trained_again():
    workshop = make_workshop(memory=Memory(limit_bytes=1))
    one, _, again = (workshop.train(make_training(seed=seed)) for seed in (0, 1, 0))
    assert one is not again
    np.testing.assert_array_equal(weights(one), weights(again))


def test_the_labels_only_clone_is_that_of_the_labels_only_thief_and_no_progress():
    soft = make_training(TRANSFER_SET.with_targets(np.full_like(TARGETS, 1 / 3)))
    counted = []
    workshop = make_workshop(progress=counted.append)
    labels = workshop.train_on_labels(soft)
    assert not counted
    assert labels is workshop.train(make_training())
    workshop.train(soft)
    assert sum(counted) == 40
