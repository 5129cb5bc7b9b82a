"""Answers are read within what their rounding explains, and not beyond it."""
import numpy as np
import pytest

from models.answers.answer_form import AnswerForm

RNG = np.random.default_rng(0)


def rows_of(classes, count=23):
    return RNG.dirichlet(np.full(classes, 3 / classes), count)


def read(answers, classes, labels=None):
    """The form of answers, and the probabilities."""
    answers = np.asarray(answers, np.float32)
    form = AnswerForm.of(list(answers), classes, labels)
    return form, form.probabilities(list(answers))


@pytest.mark.parametrize("classes", [2, 3, 10, 100, 1000])
@pytest.mark.parametrize("total", [1, 100])
@pytest.mark.parametrize("decimals", [1, 2, 3, None])
@pytest.mark.parametrize("cut", [np.rint, np.floor], ids=["rounded", "cut off"])
def test_rounded_distributions_are_read(classes, total, decimals, cut):
    """The probabilities are the rounded numbers divided by their sum."""
    exact = total * rows_of(classes)
    step = 1 if decimals is None else 10.0**decimals
    served = exact if decimals is None else cut(exact * step) / step
    served = served[served.any(axis=1)]
    form, probabilities = read(served, classes)
    assert form.total == total and form.decimals == decimals
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=0.0051)
    np.testing.assert_allclose(probabilities / probabilities.sum(axis=1, keepdims=True),
                               served / served.sum(axis=1, keepdims=True),
                               atol=1e-6)


@pytest.mark.parametrize("classes, kept, total", [(10, 1, 1), (10, 3, 1), (1000, 5, 1),
                                                  (10, 3, 100)])
def test_top_k_answers_are_read(classes, kept, total):
    exact = rows_of(classes)
    least = np.sort(exact, axis=1)[:, -kept, None]
    form, probabilities = read(total * np.where(exact >= least, exact, 0), classes)
    assert form.total == total
    assert np.all(np.sum(probabilities > 0, axis=1) == kept)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=0.0051)


def test_rows_that_sum_to_one_stay_as_they_are_to_the_bit():
    answers = rows_of(10).astype(np.float16).astype(np.float32)
    form, probabilities = read(answers, 10)
    assert form == AnswerForm(10) and probabilities.tobytes() == answers.tobytes()
    assert form.sentence() == ""


def test_a_single_number_of_two_classes_is_the_probability_of_the_second():
    unit = RNG.random(23).astype(np.float32)
    np.testing.assert_array_equal(read(unit[:, None], 2)[1], np.stack([1 - unit, unit], axis=1))
    form, probabilities = read(np.rint(100 * unit)[:, None], 2)
    assert (form.total, form.decimals) == (100, 0)
    np.testing.assert_allclose(probabilities[:, 1], np.rint(100 * unit) / 100, atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("first", [0, 1])
def test_labels_are_counted_from_the_number_that_their_range_tells(classes, first):
    labels = np.arange(23) % classes
    form, probabilities = read(labels[:, None] + first, classes)
    assert form.first_label == first
    np.testing.assert_array_equal(probabilities, np.eye(classes)[labels])


@pytest.mark.parametrize("first", [0, 1])
def test_true_labels_tell_where_the_range_does_not(first):
    """Of 1,000 classes a few rows show neither the first nor the last."""
    labels = RNG.integers(5, 990, 23)
    assert read(labels[:, None] + first, 1000, labels)[0].first_label == first
    assert read(labels[:, None] + first, 1000)[0].first_label == 0


def test_answers_of_an_older_ledger_are_read_beside_single_labels():
    """Which had a one and zeros for a label."""
    answers = [np.eye(3, dtype=np.float32)[0], np.float32([2]), np.float32([0])]
    form = AnswerForm.of(answers, 3)
    np.testing.assert_array_equal(form.probabilities(answers), np.eye(3)[[0, 2, 0]])


@pytest.mark.parametrize("answers, message", [
    ([[0.9, 0.2], [0.31234, 0.68766]], "row sums from 1 to 1.1"),
    ([[0.5, 0.4, 0.05], [0.31234, 0.2, 0.48766]], "row sums from 0.95 to 1"),
    ([[0.4, 0.3, 0.3], [1, 1, 0]], "row sums from 1 to 2"),
    ([[40, 30, 30], [50, 60, 0]], "row sums from 100 to 110"),
    ([[0.4, 0.3, 0.3], [40, 30, 30]], "row sums from 1 to 100"),
    ([[0, 0, 0], [0.2, 0.4, 0.4]], "nothing but zeros for 1 of 2 rows"),
    ([[255, 0, 0], [0, 128, 127]], "row sums from 255 to 255"),
    ([[0.9, 0.8, 0.7], [0.1, 0.9, 0.3]], "row sums from 1.3 to 2.4"),
    ([[3.5, 1.5, 0.5], [2.5, 0, 7]], "row sums from 5.5 to 9.5"),
    ([[9.5] + [0] * 99, [7.25] + [0] * 99], "row sums from 7.25 to 9.5"),
    ([[1, 0, np.nan]], "NaN or infinity in 1 of 1 rows"),
    ([[2, -1, 0]], "emit logits"),
    ([[0], [4]], "whole number from 0 to 2, as in the data. Received: 4"),
    ([[0], [3]], "whole number from 0 to 2, as in the data. Received: 3"),
    ([[0.5], [2]], "must have 3 classes"),
    ([[-1], [2]], "emit logits"),
])
def test_what_rounding_does_not_explain_is_refused(answers, message):
    with pytest.raises(ValueError, match=message):
        read(answers, len(answers[0]) if len(answers[0]) > 1 else 3)


@pytest.mark.parametrize("form, answers, message", [
    (AnswerForm(3, 1, 2), [[0.5, 0.2, 0.2]], "sum to 1 in each row.*the sum 0.9"),
    (AnswerForm(3, 100, 0), [[0.5, 0.25, 0.25]], "sum to 100 in each row.*the sum 1"),
    (AnswerForm(3, first_label=1), [[0]], "whole number from 1 to 3.*Received: 0"),
    (AnswerForm(3), [[1.5]], "whole number from 0 to 2.*Received: 1.5"),
    (AnswerForm(2), [[1.5]], "a probability, from 0 to 1. Received: 1.5; does the model emit log"),
    (AnswerForm(2), [[-7]], "Received: -7"),
])
def test_later_answers_must_have_the_same_form(form, answers, message):
    with pytest.raises(ValueError, match=message):
        form.probabilities(np.float32(answers))


@pytest.mark.parametrize("decimals, explained, unexplained", [
    (1, [0.3, 0.2, 0.2], [0.2, 0.2, 0.2]),
    (1, [0.4, 0.4, 0.3], [0.4, 0.4, 0.4]),
    (None, [0.4, 0.3, 0, 0], [0.3, 0.2, 0, 0]),
])
def test_a_sum_is_explained_up_to_a_bound(decimals, explained, unexplained):
    """By a unit per number downwards, half a unit upwards, and the smallest number per zero."""
    form = AnswerForm(len(explained), 1, decimals)
    read = form.probabilities([np.float32(explained)])
    np.testing.assert_allclose(read[0], np.array(explained) / np.sum(explained), atol=1e-6)
    with pytest.raises(ValueError, match="as far as their rounding explains"):
        form.probabilities([np.float32(unexplained)])


@pytest.mark.parametrize("sure", [[1, 0, 0, 0], [0.9999, 0.0001, 0, 0]])
def test_answers_of_a_sure_model_leave_the_decimals_open(sure):
    """Until one tells them, after which others have no other form."""
    form, _ = read([sure] * 23, 4)
    assert form.is_open and form.closed_by([np.float32(sure)]) == form
    for row, decimals in (([0.48, 0.16, 0.16, 0.16], 2), ([0.3125] * 3 + [0.0625], 4)):
        answers = np.float32([row])
        closed = form.closed_by(answers)
        assert (closed.decimals, closed.is_open) == (decimals, False)
        np.testing.assert_allclose(closed.probabilities(answers)[0], row / np.sum(row), atol=1e-6)
        assert closed.closed_by(np.float32([[0.1] * 4])) == closed
    unrounded = form.closed_by([np.float32([0.40123456, 0.3, 0.2, 0.05])])
    assert (unrounded.decimals, unrounded.is_open) == (None, False)
    with pytest.raises(ValueError, match="NaN or infinity"):
        form.closed_by([np.float32([np.inf, 0, 0, 0])])


def test_no_answers_have_no_rows():
    assert AnswerForm(3).probabilities([]).shape == (0, 3)
