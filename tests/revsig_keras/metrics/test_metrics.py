"""What a defence costs, measured."""
import numpy as np
import pytest

from revsig_keras import metrics


def log(p):
    with np.errstate(divide="ignore"):
        return np.log(np.asarray(p, "float64"))


def test_by_hand():
    """Two rows, in nats."""
    p, q = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.25, 0.75], [0.2, 0.8]])
    found = metrics.distortion(log(p), q)
    np.testing.assert_allclose(found.kl_clean_defended_nats, (p * np.log(p / q)).sum(1), 1e-14)
    np.testing.assert_allclose(found.kl_defended_clean_nats, (q * np.log(q / p)).sum(1), 1e-14)
    np.testing.assert_allclose(found.l1, [0.5, 1.4], 1e-14)
    np.testing.assert_allclose(found.top1_confidence_shift, [-0.25, -0.7], 1e-14)
    assert found.label_changed.dtype == bool
    assert found.label_changed.tolist() == [True, True]


def test_a_saturated_row():
    """KL(clean || defended) is -log of what is left of the top; the other direction is infinite."""
    found = metrics.distortion(log([[1, 0, 0], [1, 0, 0]]), [[0.5, 0.25, 0.25], [1, 0, 0]])
    np.testing.assert_allclose(found.kl_clean_defended_nats, [np.log(2), 0])
    assert found.kl_defended_clean_nats.tolist() == [np.inf, 0]
    assert found.l1.tolist() == [1, 0]
    assert not found.label_changed.any()
    assert metrics.distortion(log([[0.5, 0.5]]),
                              [[1, 0]]).kl_clean_defended_nats.tolist() == [np.inf]


def test_nothing_is_clipped():
    """Log-probabilities far below the smallest float64 count in full."""
    found = metrics.distortion([[0.0, -1e5]], [[0.5, 0.5]])
    assert found.kl_defended_clean_nats[0] == pytest.approx(5e4 - np.log(2))


def test_divergences_are_not_negative_and_zero_for_equals():
    """For random pairs of distributions."""
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(10, 0.3), size=(2, 200))
    found = metrics.distortion(log(p), q)
    assert (found.kl_clean_defended_nats > 0).all() and (found.kl_defended_clean_nats > 0).all()
    assert (found.l1 <= 2).all()
    same = metrics.distortion(log(p), p)
    np.testing.assert_allclose(same.kl_clean_defended_nats, 0, atol=1e-14)
    assert metrics.distortion(np.zeros((0, 3)), np.zeros((0, 3))).l1.shape == (0,)


def test_the_confidence_shift_is_that_of_the_clean_label():
    """Not that of whatever is on top afterwards."""
    found = metrics.distortion(log([[0.3, 0.7], [0.6, 0.4], [0.5, 0.5]]),
                               [[0.8, 0.2], [0.9, 0.1], [0.4, 0.6]])
    np.testing.assert_allclose(found.top1_confidence_shift, [-0.5, 0.3, -0.1], 1e-14)


def test_ties_have_the_lowest_label():
    """As for `argmax`."""
    assert not metrics.distortion(log([[0.4, 0.4, 0.2]]), [[0.4, 0.4, 0.2]]).label_changed[0]
    assert metrics.distortion(log([[0.4, 0.4, 0.2]]), [[0.39, 0.4, 0.21]]).label_changed[0]


def test_what_does_not_fit_is_refused():
    """Shapes, and probabilities where their logarithms are expected."""
    for clean, defended in (((2, 3), (2, 4)), ((2, 3), (3, 3)), ((3,), (3,)),
                            ((1, 2, 3), (1, 2, 3)), ((2, 0), (2, 0)), ((0, 0), (0, 0))):
        with pytest.raises(ValueError, match=r"shape \(rows, classes\)"):
            metrics.distortion(np.zeros(clean), np.zeros(defended))
    with pytest.raises(ValueError, match="logarithms of probabilities"):
        metrics.distortion([[0.3, 0.7]], [[0.3, 0.7]])


@pytest.mark.parametrize("rows, told", [
    ([[0.5, 0.5], [0.9, 0.9]], "row 1 .* the sum 1.8"),
    ([[0.5, 0.5], [0.5, 0.4]], "row 1 .* the sum 0.9"),
    ([[1.2, -0.2], [0.5, 0.5]], "row 0 with the smallest entry -0.2"),
    ([[0, 0], [0.5, 0.5]], "row 0 .* the sum 0"),
])
def test_rows_that_are_no_distributions_are_refused(rows, told):
    """On either side; rounding to bfloat16, and rows of NaN, pass."""
    fair = [[0.5, 0.5], [0.5, 0.5]]
    with pytest.raises(ValueError, match=f"`defended_probabilities` must have .*{told}"):
        metrics.distortion(log(fair), rows)
    if np.min(rows) >= 0:
        with pytest.raises(ValueError, match=f"clean_log_probabilities.*{told}"):
            metrics.distortion(log(rows), fair)
    assert np.isnan(metrics.distortion(log(fair), [[np.nan, np.nan], [0.504, 0.504]]).l1[0])
