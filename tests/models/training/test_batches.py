"""Batches and shifts: their order, their division between replicas, and their prefetching."""
import threading

import numpy as np
import pytest

from models.training.augmentation import Augmentation
from models.training.augmentation import DRAWN
from models.training.augmentation import Draws
from models.training.augmentation import shift_images
from models.training.batches import Batches
from models.training.batches import PairedBatches
from models.training.batches import prefetch


def make_batches(n=20, batch_size=5, seed=1, max_shift=2, replicas=1):
    """Returns batches whose inputs and targets are the numbers of their rows."""
    rows = np.arange(n, dtype="float32")
    draws = Draws(Augmentation(), max_shift, (1,), seed)
    return Batches(rows[:, None], rows[:, None] * 10, batch_size, seed, draws, replicas)


@pytest.mark.parametrize("n, batch_size", [(10, 4), (4, 10), (7, 7), (1, 1)])
def test_rows_run_through_permutations(n, batch_size):
    batch = min(n, batch_size)
    inputs, targets, *_ = make_batches(n, batch_size).take(3 * n)
    assert inputs.shape == (3 * n, 1, batch, 1)
    np.testing.assert_array_equal(targets, inputs * 10)
    for epoch in inputs.reshape([-1, n]):
        assert sorted(epoch) == list(range(n))


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_replicas_share_the_global_batch(replicas):
    one, several = (make_batches(replicas=count).take(6) for count in (1, replicas))
    inputs, _, weights, shifts = several
    dealt = weights.ravel() > 0
    np.testing.assert_array_equal(inputs.reshape([6, -1])[:, dealt], one[0][:, 0, :, 0])
    np.testing.assert_array_equal(shifts.reshape([6, -1, DRAWN])[:, dealt], one[3][:, 0])
    assert dealt.sum() == 5 and np.isclose(weights.sum(), 1) and len(set(weights[weights > 0])) == 1


def test_batches_do_not_depend_on_how_they_are_cut():
    whole, cut = (make_batches(9, 4, replicas=2) for _ in range(2))
    whole, cut = whole.take(10), [cut.take(steps) for steps in (1, 3, 6)]
    for part in (0, 1, 3):
        np.testing.assert_array_equal(whole[part], np.concatenate([taken[part] for taken in cut]))


def test_shifts_leave_the_order_alone_and_cover_their_range():
    plain, shifted = (make_batches(50, 50, max_shift=most).take(20) for most in (0, 2))
    np.testing.assert_array_equal(plain[0], shifted[0])
    assert not plain[3][..., :4].any()
    for axis in range(2):
        assert set(shifted[3][..., axis].ravel()) == {-2, -1, 0, 1, 2}


def test_two_kinds_of_batches_are_drawn_as_each_would_be_alone():
    both = PairedBatches(make_batches(), make_batches(9, 4, 3)).take(7)
    alone = make_batches().take(7), make_batches(9, 4, 3).take(7)
    for part, axis in enumerate((2, 2, 1, 2)):
        np.testing.assert_array_equal(both[part], np.concatenate([one[part] for one in alone],
                                                                 axis))


def test_prefetching_takes_what_was_asked_for_in_order_and_passes_errors_on():
    wanted, spans = make_batches().take(6), (1, 3, 2)
    inputs = [inputs for inputs, *_ in prefetch(make_batches(), spans)]
    assert [len(part) for part in inputs] == list(spans)
    np.testing.assert_array_equal(np.concatenate(inputs), wanted[0])
    next(prefetch(make_batches(), spans)).clear()  # given up before the end
    broken = make_batches()
    broken.take = lambda steps: 1 / 0
    with pytest.raises(ZeroDivisionError):
        list(prefetch(broken, spans))


def test_the_next_batches_are_gathered_meanwhile():
    batches, ahead = make_batches(), threading.Event()
    take, asked = batches.take, []

    def watched(steps):
        asked.append(steps)
        if len(asked) == 2:
            ahead.set()
        return take(steps)

    batches.take = watched
    feeding = prefetch(batches, (1, 2, 3))
    next(feeding)
    assert ahead.wait(timeout=20) and asked == [1, 2]
    feeding.close()


def test_shift_images_repeats_the_edge():
    images = np.random.default_rng(0).random((30, 5, 7, 2))
    shifts = np.random.default_rng(1).integers(-8, 9, (30, 2))
    for image, (down, right), moved in zip(images, shifts, shift_images(images, shifts).numpy()):
        padded = np.pad(image, [(8, 8), (8, 8), (0, 0)], mode="edge")
        np.testing.assert_array_equal(moved, padded[8 - down:13 - down, 8 - right:15 - right])
