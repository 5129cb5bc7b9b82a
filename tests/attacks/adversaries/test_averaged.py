"""The averaging thief: its queries, their cost, and its targets."""

import numpy as np
import pytest

from attacks.adversaries.averaged import Averaged
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.oracle import LocalOracle
from attacks.queries.sample import Sample
from tests.attacks import thieves
from tests.attacks.thieves import ask
from tests.attacks.thieves import POOL


class Recorder:
    """Answers, and records all queried rows."""

    def __init__(self, predict=ask):
        self._predict, self.rows = predict, []

    def __call__(self, inputs):
        self.rows.extend(inputs)
        return self._predict(inputs)


def asked(adversary, inputs, seed=0, predict=ask):
    """The answers, the queried rows, and the number of rows charged."""
    recorder = Recorder(predict)
    oracle = LocalOracle(recorder, 1000)
    answers = adversary.ask(oracle, inputs, seed)
    return answers, np.array(recorder.rows), oracle.queries_used


@pytest.mark.parametrize("queries", [2, 3, 5])
@pytest.mark.parametrize("shift", [0, 0.1, 0.25])
def test_each_input_is_queried_and_charged_several_times(queries, shift):
    answers, rows, charged = asked(Averaged(queries, shift), POOL[:4])
    assert charged == len(rows) == 4 * queries
    np.testing.assert_array_equal(rows[::queries], POOL[:4])
    np.testing.assert_allclose(answers, ask(rows).reshape(4, queries, 2).mean(axis=1), rtol=1e-6)
    assert len({row.tobytes() for row in rows}) == (4 * queries if shift else 4)


def test_shifts_follow_from_the_seed_and_the_image_alone():
    _, rows, _ = asked(Averaged(), POOL[:4])
    np.testing.assert_array_equal(asked(Averaged(), POOL[2:4])[1], rows[6:])
    assert not np.array_equal(asked(Averaged(), POOL[:4], seed=1)[1], rows)


def test_answers_that_differ_each_time_are_averaged():
    rng = np.random.default_rng(0)

    def noisy(inputs):
        share = rng.random(len(inputs))
        return np.stack([share, 1 - share], axis=1)

    many = asked(Averaged(64, shift=0), POOL[:5], predict=noisy)[0]
    assert np.abs(many - 0.5).max() < 0.15 < np.abs(noisy(POOL[:5]) - 0.5).max()


def test_an_attack_spends_its_budget_on_whole_inputs():
    thief, oracle = thieves.steal(Sample(), 20, adversary=Averaged())
    assert len(thief.inputs) == 6 and oracle.queries_used == 18 and thief.left == 0


def test_blank_images_are_charged_once_and_answered():
    answers, _, charged = asked(Averaged(), np.ones((2, 8, 8, 1), np.float32))
    assert charged == 1
    np.testing.assert_array_equal(answers, [[1, 0], [1, 0]])


def test_inputs_that_cannot_be_shifted_are_refused():
    with pytest.raises(ValueError, match=r"`averaged` shifts images.*shape \(20,\)"):
        Averaged().check((20,))
    with pytest.raises(ValueError, match="`queries` must be at most 9.*1 pixels. Received: 10"):
        Averaged(queries=10).check((8, 8, 1))
    Averaged(queries=9).check((8, 8, 1))
    Averaged(queries=10, shift=0).check((20,))


@pytest.mark.parametrize("options, message", [
    ("queries=1", "`queries` must be an integer of 2 or more. Received: queries=1"),
    ("shift=-.1", r"`shift` must be in \[0, 0.5\]. Received: -0.1"),
    ("shift=.6", "Received: 0.6"),
])
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ADVERSARIES.make(f"averaged:{options}")
