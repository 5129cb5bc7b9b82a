"""Clones: afresh in every cell, from what was paid for and nothing else."""

import dataclasses

import numpy as np

from attacks.attack import TransferSet
from attacks.clone import CloneTrainer
from attacks.config import CloneConfig
from models.dataset import Dataset
from models.inference import predict
from models.splits import split
from models.strategy import make_strategy
from models.victim import train_victim
from models.victim import VictimConfig

RNG = np.random.default_rng(0)
INPUTS = RNG.random((60, 6), np.float32)
TARGETS = np.eye(3, dtype=np.float32)[INPUTS[:, :3].argmax(axis=1)]
TRANSFER_SET = TransferSet(INPUTS, TARGETS)


def clone_trainer(**changes):
    config = CloneConfig(**{"architecture": "mlp", "steps": 20, **changes})
    return CloneTrainer(config, (6,), 3, make_strategy("one_device"))


def answers(model):
    return predict(model, INPUTS)


def first(rows):
    return TransferSet(INPUTS[:rows], TARGETS[:rows])


def test_a_clone_does_not_depend_on_the_clones_before_it():
    trainer = clone_trainer()
    for rows, seed in ((30, 1), (60, 0), (40, 2)):
        later = trainer.train(first(rows), seed, answers).findings
        np.testing.assert_array_equal(later,
                                      clone_trainer().train(first(rows), seed, answers).findings)


def test_the_seed_and_the_transfer_set_make_the_clone():
    trainer = clone_trainer()
    clones = [
        trainer.train(TRANSFER_SET, 0, answers),
        trainer.train(TRANSFER_SET, 1, answers),
        trainer.train(first(59), 0, answers)
    ]
    assert len({clone.digest for clone in clones}) == 3
    assert not np.array_equal(clones[0].findings, clones[1].findings)


def test_the_same_training_is_done_once_and_counted_as_done():
    trainer, counted, examined = clone_trainer(), [], []

    def examine(model):
        examined.append(model)
        return answers(model)

    clones = [trainer.train(TRANSFER_SET, 0, examine, progress=counted.append) for _ in range(2)]
    assert clones[0] is clones[1]
    assert len(examined) == 1
    assert sum(counted) == 40


def test_the_curve_is_taken_at_a_quarter_a_half_and_all_steps():
    clone = clone_trainer().train(TRANSFER_SET, 0, answers, watch=lambda model, step: step / 100)
    assert clone.curve == ((5, 0.05), (10, 0.1), (20, 0.2))
    watched = clone_trainer().train(TRANSFER_SET, 0, answers, watch=lambda model, step: 0.0)
    np.testing.assert_array_equal(watched.findings,
                                  clone_trainer().train(TRANSFER_SET, 0, answers).findings)


def test_a_clone_does_not_start_from_the_weights_of_a_victim_of_equal_seed():
    """Trained for one step of no length, both are still where they started."""
    still = "sgd:learning_rate=1e-12"
    dataset = Dataset("rows", INPUTS, TARGETS.argmax(axis=1), 3, (0.0, 1.0))
    victim = train_victim(VictimConfig("mlp", still, steps=1, seed=0), dataset, split(dataset, 0),
                          make_strategy("one_device"))
    trainer = clone_trainer(optimizer=still, steps=1)
    clone = trainer.train(TRANSFER_SET, 0, lambda model: model.get_weights()).findings
    for theirs, ours in zip(victim.model.get_weights(), clone, strict=True):
        if theirs.ndim == 2:  # Biases start at 0.
            assert abs(np.corrcoef(theirs.ravel(), ours.ravel())[0, 1]) < 0.3


def test_free_augmentation_reaches_the_training():
    images = INPUTS.reshape(60, 3, 2, 1)
    config = CloneConfig("mlp", steps=20)
    findings = []
    for max_shift in (0, 1):
        trainer = CloneTrainer(config, (3, 2, 1), 3, make_strategy("one_device"))
        transfer_set = TransferSet(images, TARGETS, max_shift)
        findings.append(trainer.train(transfer_set, 0, lambda model: model.get_weights()).findings)
    assert not np.allclose(findings[0][0], findings[1][0])


def test_early_stopping_stops_early_and_holds_out_paid_rows_only():
    """Targets that no input explains: the loss on held-out rows rises soon."""
    noise = TransferSet(INPUTS, TARGETS[RNG.permutation(60)])
    clone = clone_trainer(steps=2000, held_out=0.3, patience=2).train(noise, 0, answers)
    assert clone.steps < 2000
    assert clone.steps % 50 == 0


def test_the_record_of_a_clone_is_plain_data():
    clone = clone_trainer().train(TRANSFER_SET, 0, answers, watch=lambda model, step: 0.5)
    described = clone.describe()
    assert described["agreement_validation_curve"] == [[5, 0.5], [10, 0.5], [20, 0.5]]
    assert dataclasses.asdict(clone)["steps"] == described["steps"] == 20
