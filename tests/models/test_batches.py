"""Batches and shifts against what they promise."""
import numpy as np
import pytest

from models.batches import Batches
from models.batches import shift_images


@pytest.mark.parametrize("n, batch_size", [(10, 4), (4, 10), (7, 7), (1, 1)])
def test_rows_run_through_permutations(n, batch_size):
    batch = min(n, batch_size)
    rows = Batches(n, batch_size, 0, 0, 1).plan(3 * n)[0].numpy()
    assert rows.shape == (3 * n, 1, batch)
    for epoch in rows.reshape([-1, n]):
        assert sorted(epoch) == list(range(n))


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_replicas_share_the_global_batch(replicas):
    one, several = (Batches(20, 5, 1, 2, count).plan(6) for count in (1, replicas))
    rows, weights, shifts = (part.numpy() for part in several)
    dealt = weights.ravel() > 0
    np.testing.assert_array_equal(rows.reshape([6, -1])[:, dealt], one[0].numpy()[:, 0])
    np.testing.assert_array_equal(shifts.reshape([6, -1, 2])[:, dealt], one[2].numpy()[:, 0])
    assert dealt.sum() == 5 and np.isclose(weights.sum(), 1) and len(set(weights[weights > 0])) == 1


def test_the_plan_does_not_depend_on_how_it_is_cut():
    whole, cut = (Batches(9, 4, 5, 3, 2) for _ in range(2))
    whole, cut = whole.plan(10), [cut.plan(steps) for steps in (1, 3, 6)]
    for part in (0, 2):
        np.testing.assert_array_equal(whole[part], np.concatenate([plan[part] for plan in cut]))


def test_shifts_leave_the_order_alone_and_cover_their_range():
    plain, shifted = (Batches(50, 50, 0, max_shift, 1).plan(20) for max_shift in (0, 2))
    np.testing.assert_array_equal(plain[0], shifted[0])
    assert not plain[2].numpy().any()
    for axis in range(2):
        assert set(shifted[2].numpy()[..., axis].ravel()) == {-2, -1, 0, 1, 2}


def test_shift_images_repeats_the_edge():
    images = np.random.default_rng(0).random((30, 5, 7, 2))
    shifts = np.random.default_rng(1).integers(-8, 9, (30, 2))
    for image, (down, right), moved in zip(images, shifts, shift_images(images, shifts).numpy()):
        padded = np.pad(image, [(8, 8), (8, 8), (0, 0)], mode="edge")
        np.testing.assert_array_equal(moved, padded[8 - down:13 - down, 8 - right:15 - right])
