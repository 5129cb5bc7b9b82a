"""The common behaviour of attacks with substitutes: the budget, the seeds, the rounds."""
import math

import numpy as np
import pytest

from attacks.grid.registries import ATTACKS
from attacks.queries.pools import Pools
from attacks.queries.sample import Sample
from models import gradients
from tests.attacks import thieves
from tests.attacks.programs import call
from tests.attacks.programs import summary
from tests.attacks.queries.substitutes import CLASSES
from tests.attacks.queries.substitutes import classify
from tests.attacks.queries.substitutes import noise
from tests.attacks.queries.substitutes import seeds
from tests.attacks.queries.substitutes import vectors
from tests.attacks.queries.substitutes import watch

MEMBERS = ("jacobian:seeds=7", "jacobian:preset=prediction_poisoning:seeds=7",
           "jacobian_targeted:preset=t_rnd:seeds=7", "jacobian_targeted:preset=jb_top3:seeds=7",
           "jacobian_targeted:preset=jbda_tr:seeds=7", "fgsm:seeds=7")
POOLS = vectors()


def zeros(inputs, classes, of):
    """Gradients that move no input."""
    del classes, of
    return np.zeros_like(inputs)


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("budget", [1, 2, 3, 17, 100, 200])
def test_the_budget_is_spent_exactly_on_inputs_that_are_all_new(member, budget):
    thief, rounds = watch(ATTACKS.make(member), budget, noise())
    assert len(np.unique(thief.inputs, axis=0)) == len(thief.inputs) == budget
    # `watch` counts that each point is sent to the victim once; each round pays for its own.
    first = max(1, min(7, budget // 2))
    assert thief.rows_per_round == [first, *(len(began.asked) for began in rounds)]
    assert thief.left == 0 and 0 not in thief.rows_per_round


@pytest.mark.parametrize("member", MEMBERS)
def test_with_trained_substitutes_the_inputs_follow_from_the_seed(member):
    one, rounds = watch(ATTACKS.make(member), 40, pools=Pools(thieves.POOL, (0.0, 1.0)))
    again, _ = watch(ATTACKS.make(member), 40, pools=Pools(thieves.POOL, (0.0, 1.0)))
    other, _ = watch(ATTACKS.make(member), 40, pools=Pools(thieves.POOL, (0.0, 1.0)), seed=1)
    assert one.inputs.shape == (40, 8, 8, 1) and one.inputs.dtype == np.float32
    np.testing.assert_array_equal(one.inputs, again.inputs)
    assert not np.array_equal(one.inputs, other.inputs)
    assert len(rounds) > 1


@pytest.mark.parametrize("member", MEMBERS)
def test_the_seeds_are_those_of_sample_and_stay_as_they_are(member):
    before = POOLS.own.copy()
    thief, rounds = watch(ATTACKS.make(member), 60, noise(), seed=4)
    np.testing.assert_array_equal(thief.inputs[:7], seeds(POOLS, 7, seed=4))
    for began in rounds:
        np.testing.assert_array_equal(began.held, thief.inputs[:len(began.held)])
    np.testing.assert_array_equal(thief.pools.own, before)


@pytest.mark.parametrize("member", MEMBERS)
def test_the_label_of_an_input_is_that_of_the_oracle_not_of_the_substitute(member):
    """The substitute always gives class 3."""
    _, rounds = watch(ATTACKS.make(member), 60, noise())
    assert len(rounds) > 1
    for began in rounds:
        np.testing.assert_array_equal(began.labels, classify(began.held).argmax(axis=1))
        inputs, classes, *_ = began.calls[0]
        labels = classify(inputs).argmax(axis=1)
        assert len(set(labels)) > 1
        if "jbda_tr" in member:
            assert set(classes) <= set(range(CLASSES))  # Whatever the label.
        elif member.startswith("jacobian_targeted"):
            assert not np.any(classes == labels)
        else:
            np.testing.assert_array_equal(classes, labels)


@pytest.mark.parametrize("member", MEMBERS)
def test_there_is_one_backward_pass_per_batch_whatever_the_number_of_classes(member, monkeypatch):
    calls, traced = [], gradients._compiled_gradients

    def counted(*arguments):
        compiled = traced(*arguments)

        def counting(inputs, classes):
            calls.append(len(inputs))
            return compiled(inputs, classes)

        return counting

    monkeypatch.setattr(gradients, "_compiled_gradients", counted)
    _, rounds = watch(ATTACKS.make(member), 60)
    steps = 8 if member.startswith("jacobian_targeted") else 1
    batches = [math.ceil(len(inputs) / 1024) for began in rounds for inputs, *_ in began.calls]
    assert len(calls) == sum(batches) == steps * len(rounds)


@pytest.mark.parametrize("member, fresh, epochs",
                         list(zip(MEMBERS, (False, True, True, True, True, False),
                                  (10, 20, 20, 20, 30, 10))))  # yapf: disable
def test_substitutes_start_afresh_or_from_the_last_and_train_as_published(member, fresh, epochs):
    _, rounds = watch(ATTACKS.make(member), 60, steps=10000, batch_size=4)
    steps = [epochs * len(began.held) // 4 for began in rounds]
    assert {(began.epochs, began.fresh) for began in rounds} == {(epochs, fresh)}
    trained = [began.substitute.steps for began in rounds]
    assert trained == (steps if fresh else np.cumsum(steps).tolist())


@pytest.mark.parametrize("member", MEMBERS)
def test_a_round_that_makes_nothing_new_ends_with_the_pool_as_sample_draws_it(member):
    sample, _ = thieves.steal(Sample(), 50, pools=POOLS, predict=classify, seed=3)
    thief, rounds = watch(ATTACKS.make(member), 50, zeros, seed=3)
    np.testing.assert_array_equal(thief.inputs, sample.inputs)
    assert len(rounds) == 1 and thief.rows_per_round == [7, 43]
    thief, _ = watch(ATTACKS.make(member), 50, zeros, pools=vectors(20))
    assert thief.left == 30 and len(np.unique(thief.inputs, axis=0)) == 20


def test_points_that_were_queried_before_are_dropped_and_the_round_goes_on_without_them():
    """Half of the base points do not move; they are not queried, or paid for, again."""

    def half(inputs, classes, of):
        del classes, of
        return np.where(inputs[:, :1] > np.median(inputs[:, :1]), inputs, 0)

    thief, _ = watch(ATTACKS.make("fgsm:seeds=16:epsilon=.01"), 32, half)
    assert thief.rows_per_round == [16, 8, 4, 2, 1, 1]
    assert len(np.unique(thief.inputs, axis=0)) == 32


@pytest.mark.parametrize("member", MEMBERS)
def test_duplicate_rows_of_the_pool_are_seeds_once(member):
    twice = Pools(np.repeat(vectors(10).own, 2, axis=0), (0.0, 1.0))
    thief, _ = watch(ATTACKS.make(member), 20, noise(), pools=twice)
    assert thief.rows_per_round[0] == 7 and thief.left == 0


@pytest.mark.parametrize("member", MEMBERS)
def test_a_pool_of_one_row_is_enough(member):
    thief, _ = watch(ATTACKS.make(member), 30, noise(), pools=vectors(1))
    assert thief.rows_per_round[0] == 1 and thief.left == 0


@pytest.mark.parametrize("member, message", [
    ("jacobian:preset=papernot", "`preset` must be one of cleverhans, pred.*'papernot'"),
    ("jacobian:seeds=-1", "`seeds` must be an integer of 0 or more: 0 takes the preset's.*=-1"),
    ("jacobian:step=-.1", r"`step` must be in \[0, 1\], 0 for the preset's. Received: -0.1"),
    ("jacobian:step=1.5", "Received: 1.5"),
    ("jacobian:rounds=1", "`rounds` must be an integer of 2 or more: 0 takes the preset's.*=1"),
    ("jacobian:rounds=-2", "Received: rounds=-2"),
    ("jacobian_targeted:preset=top", "`preset` must be one of t_rnd, jb_top3, jbda_tr.*'top'"),
    ("jacobian_targeted:seeds=-1", "`seeds` must be an integer of 0 or more: 0 takes.*=-1"),
    ("jacobian_targeted:epsilon=0", r"`epsilon` must be in \(0, 1\]. Received: 0"),
    ("jacobian_targeted:step=2", r"`step` must be in \(0, 1\]. Received: 2"),
    ("jacobian_targeted:steps=0", "`steps` must be an integer of 1 or more. Received: steps=0"),
    ("fgsm:epsilon=-1", r"`epsilon` must be in \(0, 1\]. Received: -1"),
    ("fgsm:seeds=0", "`seeds` must be an integer of 1 or more. Received: seeds=0"),
])
def test_options_out_of_range_are_refused(member, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(member)


@pytest.mark.slow
def test_a_run_of_the_program_on_digits(tmp_path):
    attacks = "jacobian:preset=cleverhans,jacobian_targeted,fgsm"
    assert call("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
                "--steps=40", "--budgets=20", "--seeds=3", f"--attacks={attacks}",
                f"--output_dir={tmp_path}") == 0
    rows = summary(tmp_path)
    assert {row["attack"] for row in rows} == set(attacks.split(","))
    assert {row["queries_used"] for row in rows} == {"20"} and len(rows) == 3 * 2 * 2


@pytest.mark.parametrize("rounds", [[], [thieves.POOL[:0]]])
@pytest.mark.parametrize("options", [{}, {"epochs": 3}])
def test_nothing_is_trained_before_an_input_is_asked(rounds, options):
    thief, _ = thieves.make_thief(4,
                                  predict=lambda inputs: np.full((len(inputs), 2), 0.5),
                                  **options)
    for inputs in rounds:
        thief.ask(inputs)
    for train in (thief.clone, lambda: thief.substitute(1)):
        with pytest.raises(ValueError, match="`steal` must ask at least one input"):
            train()
