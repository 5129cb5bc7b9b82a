"""Clones: afresh in every cell, from what was paid for and nothing else."""

import numpy as np

from attacks.clone.clone import CloneTrainer
from attacks.clone.recipe import CloneConfig
from attacks.clone.transfer_set import TransferSet
from models.data.dataset import Dataset
from models.data.splits import split
from models.inference import predict
from models.processes.strategy import make_strategy
from models.training.trainer import Trainer
from models.victim import train_victim
from models.victim import VictimConfig

RNG = np.random.default_rng(0)
INPUTS = RNG.random((60, 6), np.float32)
TARGETS = np.eye(3, dtype=np.float32)[INPUTS[:, :3].argmax(axis=1)]
TRANSFER_SET = TransferSet(INPUTS, TARGETS, TARGETS)


def clone_trainer(**changes):
    config = CloneConfig(**{"architecture": "mlp", "steps": 20, **changes})
    return CloneTrainer(config, (6,), 3, make_strategy("one_device"))


def train(trainer, stolen, seed, **watching):
    return trainer.course(seed, **watching).train(stolen)


def weights(clone):
    return np.concatenate([weight.ravel() for weight in clone.weights])


def first(rows):
    return TRANSFER_SET.part(np.arange(rows))


def test_a_clone_does_not_depend_on_the_clones_before_it():
    trainer = clone_trainer()
    for rows, seed in ((30, 1), (60, 0), (40, 2)):
        later = train(trainer, first(rows), seed)
        np.testing.assert_array_equal(weights(later),
                                      weights(train(clone_trainer(), first(rows), seed)))


def test_the_seed_and_the_transfer_set_make_the_clone():
    trainer = clone_trainer()
    clones = [
        train(trainer, TRANSFER_SET, 0),
        train(trainer, TRANSFER_SET, 1),
        train(trainer, first(59), 0)
    ]
    assert len({clone.digest for clone in clones}) == 3
    assert not np.array_equal(weights(clones[0]), weights(clones[1]))


def test_the_same_training_is_done_once_and_counted_as_done():
    trainer, counted, watched = clone_trainer(), [], []
    clones = [
        train(trainer,
              TRANSFER_SET,
              0,
              progress=counted.append,
              watch=lambda model, step: watched.append(step)) for _ in range(2)
    ]
    assert clones[0] is clones[1]
    assert watched == [5, 10, 20]
    assert sum(counted) == 40


def test_few_clones_are_remembered_where_they_are_large(monkeypatch):
    monkeypatch.setattr("attacks.clone.clone._REMEMBERED_BYTES", 1)
    trainer = clone_trainer()
    one, _, again = (train(trainer, TRANSFER_SET, seed) for seed in (0, 1, 0))
    assert one is not again
    np.testing.assert_array_equal(weights(one), weights(again))


def test_the_model_of_a_clone_answers_as_it_did():
    trainer, seen = clone_trainer(), []
    clone = train(trainer, TRANSFER_SET, 0, watch=lambda model, step: seen.append(model(INPUTS)))
    train(trainer, TRANSFER_SET, 1)
    np.testing.assert_array_equal(predict(trainer.model(clone), INPUTS), seen[-1])


def test_the_curve_is_taken_at_a_quarter_a_half_and_all_steps():
    clone = train(clone_trainer(), TRANSFER_SET, 0, watch=lambda model, step: step / 100)
    assert clone.curve == ((5, 0.05), (10, 0.1), (20, 0.2))
    np.testing.assert_array_equal(weights(clone), weights(train(clone_trainer(), TRANSFER_SET, 0)))


def test_a_course_of_epochs_is_as_long_as_they_take_and_may_go_on_from_a_clone():
    trainer = clone_trainer(batch_size=20)
    whole, short = train(trainer, TRANSFER_SET, 0), train(trainer, TRANSFER_SET, 0, epochs=2)
    assert (whole.steps, short.steps) == (20, 2 * 60 // 20)
    few = trainer.course(0, epochs=10).train(first(5))
    assert few.steps == 10  # A batch is all five of them.
    longer = train(trainer, TRANSFER_SET, 0, epochs=2, start=short)
    assert longer.steps == 12 and longer.digest != short.digest
    still = train(clone_trainer(optimizer="sgd:learning_rate=1e-12"), TRANSFER_SET, 5, start=short)
    np.testing.assert_allclose(weights(still), weights(short), atol=1e-6)


def test_held_out_rows_are_neither_counted_in_an_epoch_nor_trained_on_without_label(monkeypatch):
    seen, train_model = [], Trainer.train

    def spy(self, plan, **options):
        seen.append(plan)
        return train_model(self, plan, **options)

    monkeypatch.setattr(Trainer, "train", spy)
    trainer = clone_trainer(batch_size=10, held_out=0.5)
    clone = trainer.course(0, epochs=2).train(TRANSFER_SET, unlabelled=INPUTS)
    assert clone.steps == 2 * 30 // 10
    np.testing.assert_array_equal(np.sort(seen[0].unlabelled, axis=0),
                                  np.sort(seen[0].inputs, axis=0))


def test_the_labels_only_clone_of_a_course_is_that_of_the_labels_only_thief():
    trainer = clone_trainer()
    soft = TRANSFER_SET.with_targets(np.full_like(TARGETS, 1 / 3))
    assert trainer.course(0).train_on_labels(soft) is train(trainer, TRANSFER_SET, 0)


def test_all_workers_train_on_what_the_chief_was_answered(monkeypatch):
    """Where answers differ, be it by rounding."""
    chiefs, trained = train(clone_trainer(), TRANSFER_SET, 0), []

    class Others:
        """The workers, as one sees them that is not the chief."""

        def __init__(self, strategy):
            self.count = 2

        def agree(self, value):
            return chiefs.digest if isinstance(value, str) else value

        def agree_array(self, array):
            return INPUTS if array.shape == INPUTS.shape else TARGETS

        def any(self, *flags):
            trained.append(flags)
            return list(flags)

    monkeypatch.setattr("attacks.clone.clone.Workers", Others)
    rounded = TransferSet(INPUTS + np.float32(1e-7), TARGETS, TARGETS)
    mine = train(clone_trainer(), rounded, 0)
    assert mine.digest == chiefs.digest and trained == [(True,)]
    np.testing.assert_array_equal(weights(mine), weights(chiefs))


def test_a_clone_does_not_start_from_the_weights_of_a_victim_of_equal_seed():
    """Trained for one step of no length, both are still where they started."""
    still = "sgd:learning_rate=1e-12"
    dataset = Dataset("rows", INPUTS, TARGETS.argmax(axis=1), 3, (0.0, 1.0))
    victim = train_victim(VictimConfig("mlp", still, steps=1, seed=0), dataset, split(dataset, 0),
                          make_strategy("one_device"))
    trainer = clone_trainer(optimizer=still, steps=1)
    clone = train(trainer, TRANSFER_SET, 0)
    for theirs, ours in zip(victim.model.get_weights(), clone.weights, strict=True):
        if theirs.ndim == 2:  # Biases start at 0.
            assert abs(np.corrcoef(theirs.ravel(), ours.ravel())[0, 1]) < 0.3


def test_free_augmentation_reaches_the_training():
    images = INPUTS.reshape(60, 3, 2, 1)
    config = CloneConfig("mlp", steps=20)
    found = []
    for max_shift in (0, 1):
        trainer = CloneTrainer(config, (3, 2, 1), 3, make_strategy("one_device"))
        found.append(weights(train(trainer, TransferSet(images, TARGETS, TARGETS, max_shift), 0)))
    assert not np.allclose(*found)


def test_early_stopping_stops_early_and_holds_out_paid_rows_only():
    """Targets that no input explains: the loss on held-out rows rises soon."""
    noise = TRANSFER_SET.with_targets(TARGETS[RNG.permutation(60)])
    clone = train(clone_trainer(steps=2000, held_out=0.3, patience=2), noise, 0)
    assert clone.steps < 2000
    assert clone.steps % 50 == 0


def test_agreement_on_held_out_rows_is_with_their_answers_and_on_none_of_the_others():
    """The answers of the held-out rows alone are those that the clone cannot know."""
    trainer = clone_trainer(steps=600, held_out=0.5, patience=100)
    assert train(trainer, TRANSFER_SET, 0).agreement_held_out > 0.6
    contrary = TransferSet(INPUTS, np.roll(TARGETS, 1, axis=1), TARGETS)
    assert train(trainer, contrary, 1).agreement_held_out < 0.4
    assert train(clone_trainer(), TRANSFER_SET, 0).agreement_held_out is None


def test_the_record_of_a_clone_is_plain_data():
    clone = train(clone_trainer(), TRANSFER_SET, 0, watch=lambda model, step: 0.5)
    described = clone.describe()
    assert described["agreement_validation_curve"] == [[5, 0.5], [10, 0.5], [20, 0.5]]
    assert described["steps"] == 20 and described["learned"] == {}
