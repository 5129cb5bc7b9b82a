"""A defence is recognised by its answers to a few fixed rows."""

import json

import numpy as np
import pytest

from attacks.oracle import defences
from attacks.oracle.defences import fixed_answers
from attacks.oracle.defences import largest_difference

DETERMINISTIC = ("reverse_sigmoid", "reverse_sigmoid:preserve_top1=false", "rounding", "top_k",
                 "label_only", "random_noise:seed=3")


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
@pytest.mark.parametrize("defence", DETERMINISTIC)
def test_the_answers_of_a_defence_are_few_and_always_the_same(defence, num_classes):
    answers = fixed_answers(defence, num_classes)
    assert len(answers) == 128 and json.loads(json.dumps(answers)) == answers
    assert largest_difference(answers, fixed_answers(defence, num_classes)) == 0


@pytest.mark.parametrize("num_classes", [2, 10, 1000])
def test_defences_are_told_apart(num_classes):
    members = ("reverse_sigmoid:beta=.9", "reverse_sigmoid:beta=.901", "rounding", "label_only",
               "random_noise:seed=3", "random_noise:seed=4")
    answers = [fixed_answers(defence, num_classes) for defence in members]
    for place, one in enumerate(answers):
        for other in answers[:place]:
            assert largest_difference(one, other) > defences.TOLERANCE


@pytest.mark.parametrize("num_classes", [2, 3, 1000])
def test_the_fixed_rows_are_distributions_from_uniform_to_certain(num_classes):
    rows = defences._fixed_rows(num_classes)
    assert rows.shape == (64, num_classes) and rows.dtype == np.float32 and (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
    assert (rows[0] == rows[0, 0]).all() and rows[1].max() == 1
    assert rows[48:].max(axis=1).mean() > rows[2:16].max(axis=1).mean()
    signs = defences._fixed_signs(num_classes)
    assert (signs < 0).sum(axis=-1).tolist() == [[num_classes // 2] * 2] * 64


def test_the_fixed_rows_never_change():
    """Or all results so far would be refused."""
    expected = np.float32([0.14673231542110443, 0.18966557085514069, 0.6636021137237549])
    np.testing.assert_array_equal(defences._fixed_rows(3)[2], expected)
