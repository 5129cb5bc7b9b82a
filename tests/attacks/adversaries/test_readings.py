"""The thieves that read each answer by a formula: the naive one and the labels-only one."""
import numpy as np
import pytest

from attacks.grid.registries import ADVERSARIES

ANSWERS = np.float32([[0.64, 0.32, 0.04], [0.25, 0.25, 0.5], [0, 1, 0]])


def read(member):
    return ADVERSARIES.make(member).read(ANSWERS, None)


def test_by_default_answers_and_labels_are_taken_as_they_are():
    assert read("probabilities") is ANSWERS
    np.testing.assert_array_equal(read("labels"), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("temperature", [0.02, 0.5, 2, 50])
def test_answers_are_read_at_a_temperature(temperature):
    powers = ANSWERS.astype(np.float64)**(1 / temperature)
    np.testing.assert_allclose(read(f"probabilities:temperature={temperature}"),
                               powers / powers.sum(axis=1, keepdims=True),
                               atol=1e-6)


def test_labels_are_smoothed():
    np.testing.assert_allclose(read("labels:smoothing=.3"),
                               [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.8, 0.1]],
                               rtol=1e-6)


@pytest.mark.parametrize("member, message", [
    ("probabilities:temperature=0", "`temperature` must be above 0. Received: 0.0"),
    ("labels:smoothing=1", r"`smoothing` must be in \[0, 1\). Received: 1.0"),
])
def test_options_out_of_range_are_refused(member, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(member)


@pytest.mark.parametrize("name", ["probabilities", "labels", "semi_supervised"])
def test_options_that_are_not_used_leave_a_cell_as_it_was(name):
    """Old results keep their ids."""
    assert not {"temperature", "smoothing", "targets"} & set(ADVERSARIES.resolve(name)[1])
