"""The data-free attack: its budget, its seeds, its thieves, its refusals."""
import numpy as np
import pytest

from attacks.adversaries.averaged import Averaged
from attacks.adversaries.semi_supervised import SemiSupervised
from attacks.evaluation.agreement import AgreementEvaluator
from attacks.grid.cell import Cell
from attacks.grid.registries import ATTACKS
from attacks.oracle.oracle import LocalOracle
from attacks.queries.data_free import DataFree
from attacks.queries.pools import Pools
from attacks.targets.target import Target
from tests.attacks import thieves
from tests.attacks.programs import call
from tests.attacks.programs import summary
from tests.attacks.queries.substitutes import classify

SMALL = "batch=4:student_steps=2:replay=2:width=4"
ZEROTH, CLONE = (f"data_free:gradient={name}:{SMALL}" for name in ("zeroth_order", "clone"))
IMAGES = Pools(np.full((3, 8, 8, 1), np.nan, np.float32), (0.0, 1.0))  # No row is ever used.
VECTORS = Pools(np.full((3, 64), np.nan, np.float32), (0.0, 1.0))


def steal(member, budget, pools=IMAGES, **options):
    attack = ATTACKS.make(member)
    assert isinstance(attack, DataFree)
    rows = options["adversary"].rows_per_input if "adversary" in options else 1
    attack.check(budget // rows, pools)
    assert attack.max_shift(pools.input_shape) == 0 == len(attack.candidates(pools))
    options = {"predict": classify, "num_classes": 4, "pool": attack.candidates(pools), **options}
    return thieves.steal(attack, budget, pools=pools, **options)


@pytest.mark.parametrize("member, pools, budget, per_round", [
    pytest.param(ZEROTH, IMAGES, 36, [8, 4] * 3, marks=pytest.mark.slow),
    (ZEROTH, VECTORS, 29, [8, 4] * 2 + [5]),
    pytest.param(f"{ZEROTH}:directions=3", IMAGES, 21, [16, 4, 1], marks=pytest.mark.slow),
    pytest.param("data_free:gradient=clone:batch=4:student_steps=1:width=4",
                 IMAGES,
                 5, [4, 1],
                 marks=pytest.mark.slow),
])
def test_the_budget_is_spent_exactly_in_rounds_on_inputs_within_the_range(
        member, pools, budget, per_round):
    sent = []

    def counted(inputs):
        sent.append(len(inputs))
        assert sum(sent) <= budget
        return classify(inputs)

    thief, oracle = steal(member, budget, pools, predict=counted)
    assert oracle.queries_used == budget == len(np.unique(thief.inputs, axis=0))
    assert thief.rows_per_round == per_round == sent
    assert thief.inputs.min() >= 0 and thief.inputs.max() <= 1
    assert thief.inputs.shape[1:] == pools.input_shape and thief.inputs.dtype == np.float32


@pytest.mark.slow
def test_the_queries_and_the_clone_follow_from_the_seed():
    one, again, other = (steal(ZEROTH, 24, seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.inputs, again.inputs)
    assert not np.isin(one.inputs, other.inputs).all(axis=(1, 2, 3)).any()
    clone, cloned = one.clone(), again.clone()
    assert clone.digest == cloned.digest
    for weight, expected in zip(clone.weights, cloned.weights):
        np.testing.assert_array_equal(weight, expected)


def test_the_answers_decide_what_is_queried_next():
    """The first batch is the same for every victim, the second is not."""
    one, _ = steal(ZEROTH, 12)
    other, _ = steal(ZEROTH, 12, predict=lambda inputs: classify(inputs)[:, ::-1])
    cut = one.rows_per_round[0]
    np.testing.assert_array_equal(one.inputs[:cut], other.inputs[:cut])
    assert not np.array_equal(one.inputs[cut:], other.inputs[cut:])


@pytest.mark.slow
def test_the_clone_starts_from_the_student_unless_new_weights_are_asked_for():
    """The student's steps are those of every round, on its batches and on replayed ones."""
    (student, _), (new, _) = steal(CLONE, 40), steal(f"{CLONE}:start=new", 40)
    np.testing.assert_array_equal(student.inputs, new.inputs)
    student, new = student.clone(), new.clone()
    assert (student.steps, new.steps) == (30 + 5 * (2 + 2), 30)
    assert student.digest != new.digest and student.train_seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("adversary", [Averaged(2, shift=0), SemiSupervised()])
def test_thieves_that_use_labels_compose_with_gradients_of_the_clone(adversary):
    thief, oracle = steal(CLONE, 33 * adversary.rows_per_input, adversary=adversary)
    assert oracle.queries_used == 33 * adversary.rows_per_input and len(thief.inputs) == 33
    assert thief.clone().logits(thief.inputs).shape == (33, 4)


def test_a_generator_that_makes_nothing_new_ends_the_attack(monkeypatch):
    monkeypatch.setattr("attacks.queries.data_free._noise", lambda rows, rng: np.zeros(
        (rows, 256), np.float32))
    thief, _ = steal(f"{CLONE}:generator_rate=1e-30", 40)
    assert thief.left > 0 and thief.rows_per_round[-1] == 0


@pytest.mark.parametrize("adversary, labels_only, message", [
    ("labels", False, f"{ZEROTH} needs probabilities, and labels keeps labels only"),
    ("semi_supervised", False, "keeps labels only"),
    ("identify", False, "keeps labels only while it queries"),
    ("learned_recovery", False, "keeps labels only while it queries"),
    ("averaged", True, f"{ZEROTH} needs probabilities, and the victim answers with labels only"),
    ("probabilities", False, None),
    ("averaged", False, None),
])
def test_differences_of_labels_are_left_out_before_anything_is_queried(
        adversary, labels_only, message):
    target = Target(LocalOracle, AgreementEvaluator, labels_only=labels_only)
    reason = target.unfit(Cell("none", ZEROTH, adversary, 100, 0))
    assert reason == message if message is None else message in reason
    if adversary != "probabilities":
        assert target.unfit(Cell("none", CLONE, adversary, 100, 0)) is None


@pytest.mark.parametrize("member, budget, shape, message", [
    ("data_free", 191, (8, 8, 1), "`budgets` must be at least 192 inputs, one round.*: 191"),
    ("data_free:directions=10", 479, (8, 8, 1), "at least 480 inputs"),
    ("data_free:gradient=clone", 159, (64,), "at least 160 inputs"),
    ("data_free", 1000, (8, 8), r"images of shape .* and vectors. Received: .*\(8, 8\)"),
    ("data_free", 1000, (2, 8, 8, 1), r"Received: .*\(2, 8, 8, 1\)"),
])
def test_budgets_and_shapes_that_cannot_be_served_are_refused(member, budget, shape, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(member).check(budget, Pools(np.zeros((2, *shape), np.float32), (0.0, 1.0)))


@pytest.mark.parametrize("option, message", [
    ("gradient=first", "`gradient` must be one of zeroth_order, clone. Received: 'first'"),
    ("loss=l2", "`loss` must be one of auto, l1, kl. Received: 'l2'"),
    ("start=end", "`start` must be one of student, new. Received: 'end'"),
    ("batch=1", "`batch` must be an integer of 2 or more. Received: batch=1"),
    ("directions=0", "`directions` must be an integer of 1 or more"),
    ("student_steps=0", "`student_steps` must be an integer of 1 or more"),
    ("replay=-1", "`replay` must be an integer of 0 or more"),
    ("width=0", "`width` must be an integer of 1 or more"),
    ("student_rate=0", "`student_rate` must be a number above 0. Received: 0"),
    ("generator_rate=-1", "`generator_rate` must be a number above 0. Received: -1"),
    ("diversity=-.1", "`diversity` must be a number of 0 or more. Received: -0.1"),
])
def test_options_out_of_range_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        ATTACKS.make(f"data_free:{option}")


@pytest.mark.slow
def test_a_run_of_the_program_on_digits(tmp_path):
    assert call("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
                "--steps=40", "--budgets=40", "--seeds=0", "--defences=none",
                f"--attacks={ZEROTH},{CLONE}", f"--output_dir={tmp_path}") == 0
    rows = summary(tmp_path)
    # Two adversaries; labels are left out with zeroth-order gradients.
    assert len(rows) == 3 and {row["queries_used"] for row in rows} == {"40"}
