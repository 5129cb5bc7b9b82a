"""What a defence costs, measured."""
import numpy as np
import pytest

from revsig_keras.metrics import pairs


def log(p):
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(p, "float64"))


def test_by_hand():
    """Two rows, in nats."""
    p, q = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.25, 0.75], [0.2, 0.8]])
    found = pairs.noise(log(p), q)
    np.testing.assert_allclose(found.kl_clean_defended_nats, (p * np.log(p / q)).sum(1), 1e-14)
    np.testing.assert_allclose(found.kl_defended_clean_nats, (q * np.log(q / p)).sum(1), 1e-14)
    np.testing.assert_allclose(found.l1, [0.5, 1.4], 1e-14)
    np.testing.assert_allclose(found.top1_confidence_shift, [-0.25, -0.7], 1e-14)
    assert found.label_changed.dtype == bool
    assert found.label_changed.tolist() == [True, True]


def test_a_saturated_row():
    """KL(clean || defended) is -log of what is left of the top; the other direction is infinite."""
    found = pairs.noise(log([[1, 0, 0], [1, 0, 0]]), [[0.5, 0.25, 0.25], [1, 0, 0]])
    np.testing.assert_allclose(found.kl_clean_defended_nats, [np.log(2), 0])
    assert found.kl_defended_clean_nats.tolist() == [np.inf, 0]
    assert found.l1.tolist() == [1, 0]
    assert not found.label_changed.any()
    assert pairs.noise(log([[0.5, 0.5]]), [[1, 0]]).kl_clean_defended_nats.tolist() == [np.inf]


def test_nothing_is_clipped():
    """Log-probabilities far below the smallest float64 count in full."""
    found = pairs.noise([[0.0, -1e5]], [[0.5, 0.5]])
    assert found.kl_defended_clean_nats[0] == pytest.approx(5e4 - np.log(2))


def test_divergences_are_not_negative_and_zero_for_equals():
    """For random pairs of distributions."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(10, 0.3), size=(2, 200))
    found = pairs.noise(log(p), q)
    assert (found.kl_clean_defended_nats > 0).all() and (found.kl_defended_clean_nats > 0).all()
    assert (found.l1 <= 2).all()
    same = pairs.noise(log(p), p)
    np.testing.assert_allclose(same.kl_clean_defended_nats, 0, atol=1e-14)
    assert pairs.noise(np.zeros((0, 3)), np.zeros((0, 3))).l1.shape == (0,)


def test_the_confidence_shift_is_that_of_the_clean_label():
    """Not that of whatever is on top afterwards."""
    found = pairs.noise(log([[0.3, 0.7], [0.6, 0.4], [0.5, 0.5]]),
                        [[0.8, 0.2], [0.9, 0.1], [0.4, 0.6]])
    np.testing.assert_allclose(found.top1_confidence_shift, [-0.5, 0.3, -0.1], 1e-14)


def test_ties_have_the_lowest_label():
    """As for `argmax`."""
    assert not pairs.noise(log([[0.4, 0.4, 0.2]]), [[0.4, 0.4, 0.2]]).label_changed[0]
    assert pairs.noise(log([[0.4, 0.4, 0.2]]), [[0.39, 0.4, 0.21]]).label_changed[0]


def test_what_does_not_fit_is_refused():
    """Shapes, and probabilities where their logarithms are expected."""
    for clean, defended in (((2, 3), (2, 4)), ((2, 3), (3, 3)), ((3,), (3,)), ((1, 2, 3), (1, 2,
                                                                                           3))):
        with pytest.raises(ValueError, match=r"shape \(rows, classes\)"):
            pairs.noise(np.zeros(clean), np.zeros(defended))
    with pytest.raises(ValueError, match="logarithms of probabilities"):
        pairs.noise([[0.3, 0.7]], [[0.3, 0.7]])
