"""Every attack and every adversary on digits: a table of them, and the properties of each."""
import dataclasses
import functools
import json

import numpy as np
import pytest

from attacks.adversaries.adversary import Known
from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.endpoint.remote_oracle import RemoteOracle
from attacks.evaluation.evaluator import Evaluator
from attacks.grid.cell import Cell
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.defended_victim import DefendedVictims
from attacks.oracle.oracle import LocalOracle
from attacks.oracle.truth import TrueLabels
from attacks.queries import active
from attacks.queries import knockoff
from attacks.queries.pools import Pools
from attacks.schedule.cell_runner import run_cell
from attacks.targets.target import Target
from models.data import loading
from models.data import streamed
from models.data.splits import split
from models.data.streamed import StreamedImages
from models.processes.strategy import make_strategy
from models.victim import train_victim
from models.victim import VictimConfig
from tests.models.watched import Watched

DEFENCE = "reverse_sigmoid:beta=1:gamma=.2"
# Of the pool that is on disk.
ROWS_AT_ONCE = 100


@dataclasses.dataclass(frozen=True)
class Case:
    """A member that stands for a name in a registry.

    Attributes:
        member: As written, with options that make it fast.
        adapts: Whether an attack adapts to the answers, so that its queries are not nested.
        budget: The rows that the thief may query.
    """
    member: str
    adapts: bool = False
    budget: int = 23


ATTACK_CASES = {
    "sample": [Case("sample"),
               Case("sample:augment=before"),
               Case("sample:augment=after")],
    "random": [Case("random")],
    "copycat": [Case("copycat")],
    "jacobian": [
        Case("jacobian:seeds=6", True),
        Case("jacobian:preset=prediction_poisoning:seeds=3", True)
    ],
    "jacobian_targeted": [
        Case("jacobian_targeted:seeds=6:steps=2", True),
        Case("jacobian_targeted:preset=t_rnd:seeds=6:steps=2", True),
        Case("jacobian_targeted:preset=jbda_tr:steps=2", True)
    ],
    "fgsm": [Case("fgsm:seeds=6", True)],
    "knockoff": [Case("knockoff:batch=6", True),
                 Case("knockoff:pool=own:reward=certainty", True)],
    "active": [
        Case("active:rounds=3", True),
        Case("active:strategy=margin:rounds=3", True),
        Case("active:strategy=k_center:rounds=2", True),
        Case("active:strategy=adversarial:rounds=2", True),
        Case("active:candidates=30:rounds=2", True)
    ],
    "data_free": [
        Case("data_free:batch=3:student_steps=2:replay=1:width=4", True),
        Case("data_free:gradient=clone:batch=5:student_steps=2:replay=1:width=4", True)
    ],
}
ADVERSARY_CASES = {
    "probabilities": [Case("probabilities")],
    "labels": [Case("labels")],
    "semi_supervised": [Case("semi_supervised")],
    "averaged": [Case("averaged"), Case("averaged:queries=2:shift=0")],
    "aware": [Case("aware"),
              Case("aware:learn=true"),
              Case("aware:beta=.5:gamma=.5")],
    "bayes": [
        Case("bayes:pairs=2000"),
        Case("bayes:pairs=2000:prior=clone"),
        Case("bayes:pairs=2000:prior=estimated"),
        Case("bayes:pairs=2000:beta=.5:gamma=.5")
    ],
    "learned_recovery": [
        Case("learned_recovery:pairs=2000:epochs=5"),
        Case("learned_recovery:pairs=2000:epochs=5:prior=dirichlet")
    ],
    "inverse": [Case("inverse"), Case("inverse:beta=.5:gamma=.5")],
    "identify": [Case("identify")],
    "posterior_mean": [Case("posterior_mean")],
    "independent": [Case("independent")],
}

# They train for seconds more, and have tests of their own.
SLOW = ("data_free", "identify", "learned_recovery")


def first_quick(table):
    """All cases of a table. For each name, those after the first are slow."""
    return [
        pytest.param(case, marks=pytest.mark.slow if place or name in SLOW else (), id=str(case))
        for name, cases in table.items()
        for place, case in enumerate(cases)
    ]


each_attack = pytest.mark.parametrize("case", first_quick(ATTACK_CASES))
THIEF_CASES = {
    name: cases
    for name, cases in ADVERSARY_CASES.items()
    if name not in ("independent", "posterior_mean")
}
each_thief = pytest.mark.parametrize("case", first_quick(THIEF_CASES))
each_adversary = pytest.mark.parametrize("case", sum(ADVERSARY_CASES.values(), []), ids=str)


def test_every_name_has_a_row():
    """A new member of a registry needs a row in the tables above."""
    assert tuple(ATTACK_CASES) == ATTACKS.names
    assert tuple(ADVERSARY_CASES) == ADVERSARIES.names
    for cases in (ATTACK_CASES, ADVERSARY_CASES):
        for name, rows in cases.items():
            assert rows and all(case.member.split(":")[0] == name for case in rows)


@pytest.mark.parametrize("kind, option, default", [
    (type(registry.make(name)), option, default) for registry in (ATTACKS, ADVERSARIES)
    for name in registry.names for option, default in registry.resolve(name)[1].items()
    if type(default) is int
], ids=lambda part: getattr(part, "__name__", part))  # yapf: disable
def test_integers_of_numpy_are_accepted_and_booleans_are_refused(kind, option, default):
    assert kind(**{option: np.int64(default)})
    with pytest.raises(ValueError, match=f"`{option}` must be an integer"):
        kind(**{option: True})


class Asking:
    """The collector of an endpoint in this process, which counts rows and fetches none twice."""

    def __init__(self, predict):
        self.predict, self.rows, self.seen = predict, 0, {}

    def collect(self, inputs, asks, account):
        assert account == "thief" and len(inputs) == len(asks)
        for row, ask in zip(inputs, asks):
            key = (row.tobytes(), ask)
            if key not in self.seen:
                self.rows += 1
                self.seen[key] = self.predict(row[None])[0]
        return np.stack([self.seen[row.tobytes(), ask] for row, ask in zip(inputs, asks)])


class Stage:
    """A victim of digits as a target, in this process or as a remote one."""

    def __init__(self):
        digits = loading.load("digits")
        stored = np.rint(digits.x * 255).astype("uint8")
        dataset = dataclasses.replace(digits, x=StreamedImages(stored)[:])
        splits = split(dataset, 0)
        self.disk = Watched(stored)
        on_disk = split(dataclasses.replace(digits, x=StreamedImages(self.disk)), 0)
        strategy = make_strategy("one_device")
        victim = train_victim(VictimConfig("mlp", steps=300), dataset, splits, strategy)
        self.victims = DefendedVictims(victim)
        self.make_evaluator = functools.partial(Evaluator, self.victims, splits, 0.1,
                                                dataset.input_range)
        self.pools = Pools(splits.pool.x, dataset.input_range)
        self.pools_on_disk = Pools(on_disk.pool.x, dataset.input_range)
        self.truth = TrueLabels(splits.pool, 10)
        self.collector = None
        self.trainer = CloneTrainer((8, 8, 1), 10, strategy)

    def target(self, remote):
        """The victim in this process, or as if behind an endpoint; its evaluator knows no clone."""

        def oracle(defence, budget):
            predict = self.victims.under(defence).predict
            if not remote:
                return LocalOracle(predict, budget)
            self.collector = Asking(predict)
            return RemoteOracle(self.collector, budget)

        clean = None if remote else self.victims.under("none").predict
        return Target(oracle, self.make_evaluator(), truth=self.truth.predict, clean=clean)

    def first_question(self, attack, budget, seed):
        """The rows that a cell asks first."""
        first = FirstQuestion()
        with pytest.raises(Asked):
            self.steal(attack=attack, budget=budget, seed=seed, remember=first)
        return first.inputs

    def steal(self,
              attack="sample",
              adversary="probabilities",
              budget=23,
              seed=3,
              defence=DEFENCE,
              remote=False,
              on_disk=False,
              remember=None):
        """The record of a cell, which shares no memory with earlier cells."""
        self.disk.most = 0
        workshop = Workshop(Recipe("mlp", steps=25), self.trainer)
        target = self.target(remote)
        if remember is not None:
            oracle = functools.partial(remembering, remember, target.oracle)
            target = dataclasses.replace(target, oracle=oracle)
        cell = Cell(defence, attack, adversary, budget, seed)
        made = ADVERSARIES.make(adversary)
        made.check(self.pools.input_shape)
        ATTACKS.make(attack).check(budget // made.rows_per_input, self.pools)
        pools = self.pools_on_disk if on_disk else self.pools
        return run_cell(cell, pools, target, workshop, None)


class Asked(Exception):
    """Ends a cell at its first question."""


class FirstQuestion:
    """Stands for a list of questions, and takes one."""
    inputs = None

    def append(self, inputs):
        self.inputs = np.array(inputs)
        raise Asked


def remembering(asked, oracle, defence, budget):
    """An oracle that writes down what it is asked."""
    made = oracle(defence, budget)
    query = made.query
    made.query = lambda inputs: asked.append(inputs) or query(inputs)
    return made


@pytest.fixture(scope="module")
def stage():
    return Stage()


@pytest.fixture(autouse=True)
def few_rows_at_once(monkeypatch):
    monkeypatch.setattr(streamed, "_ROWS", ROWS_AT_ONCE)
    monkeypatch.setattr(active, "_FEWEST", ROWS_AT_ONCE)
    monkeypatch.setattr(knockoff, "_CLUSTERED_BYTES", ROWS_AT_ONCE * 8 * 8 * 4)


def check(record, budget, rows_per_input=1):
    """Asserts the properties of every cell."""
    json.dumps(record, allow_nan=False)
    assert record["queries_used"] == budget // rows_per_input * rows_per_input
    assert sum(record["queries_per_round"]) == record["queries_used"]
    metrics = record["metrics"]
    for name in ("agreement_clean", "agreement_validation", "clone_accuracy", "transferability"):
        assert 0 <= metrics[name] <= 1
    assert metrics["label_changes"] == 0 and metrics["clone_kl_nats"] > 0


def clone_of(record):
    return record["clone"]["digest"], record["metrics"]["agreement_clean"]


@each_attack
def test_an_attack_spends_its_budget_pays_for_no_row_twice_and_can_be_repeated(stage, case):
    """Also with a pool on disk, read in small parts, and with a remote victim, which answers row by
    row and so rounds differently."""
    record = stage.steal(attack=case.member, budget=case.budget)
    check(record, case.budget)
    again = stage.steal(attack=case.member, budget=case.budget, on_disk=True)
    assert clone_of(record) == clone_of(again) and stage.disk.most <= ROWS_AT_ONCE
    first, other = (stage.first_question(case.member, case.budget, seed) for seed in (3, 4))
    assert not np.array_equal(first, other)
    remote = stage.steal(attack=case.member, budget=case.budget, remote=True)
    assert stage.collector.rows == remote["queries_used"] == record["queries_used"]
    assert remote["queries_per_round"][0] == record["queries_per_round"][0]


@each_attack
def test_an_attack_works_for_a_labels_only_thief(stage, case):
    check(stage.steal(attack=case.member, adversary="labels", budget=case.budget), case.budget)


@pytest.mark.parametrize("case", [case for cases in ATTACK_CASES.values() for case in cases
                                  if not case.adapts], ids=str)  # yapf: disable
def test_queries_are_nested_if_an_attack_does_not_adapt(stage, case):
    asked = []
    for budget in (case.budget, case.budget - 8):
        stage.steal(attack=case.member, budget=budget, remember=asked)
    np.testing.assert_array_equal(asked[0][:case.budget - 8], asked[1])


@each_thief
def test_an_adversary_trains_a_clone_and_can_be_repeated(stage, case):
    rows_per_input = ADVERSARIES.make(case.member).rows_per_input
    record = stage.steal(adversary=case.member, budget=case.budget)
    check(record, case.budget, rows_per_input)
    again = stage.steal(adversary=case.member, budget=case.budget, on_disk=True)
    assert clone_of(record) == clone_of(again)
    stage.steal(adversary=case.member, budget=case.budget, remote=True)
    assert stage.collector.rows == record["queries_used"]


@each_adversary
def test_the_docstring_of_an_adversary_says_what_its_thief_knows(case):
    made = ADVERSARIES.make(case.member)
    assert "assumed to know" in type(made).__doc__.replace("\n    ", " ").lower()
    assert made.needs in ("probabilities", "labels", "truth")


@each_adversary
def test_targets_are_distributions_with_the_label_of_the_answer(stage, case):
    made = ADVERSARIES.make(case.member)
    answers = stage.victims.under(DEFENCE).predict(stage.pools.own[:40])
    targets = made.read(answers, Known(DEFENCE, stage.pools.own, 0))
    assert targets.shape == answers.shape and (targets >= 0).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(targets.argmax(axis=1), answers.argmax(axis=1))


@each_thief
def test_an_adversary_also_runs_where_there_is_no_defence(stage, case):
    assert ADVERSARIES.make(case.member).unfit("none") is None
    record = stage.steal(adversary=case.member, budget=case.budget, defence="none")
    assert record["metrics"]["distortion_l1"] == 0
