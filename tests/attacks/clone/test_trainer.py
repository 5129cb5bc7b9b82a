"""Clones: trained afresh in every cell, on what was paid for and nothing else."""
import dataclasses

import numpy as np
import pytest

from attacks.adversaries.through_defence import ThroughDefence
from attacks.clone.transfer_set import TransferSet
from attacks.clone.workshop import Workshop
from attacks.experiment import afresh
from models.data.dataset import Dataset
from models.data.splits import split
from models.gradients import input_gradients
from models.inference import predict
from models.inference import probabilities
from models.processes.strategy import make_strategy
from models.victim import train_victim
from models.victim import VictimConfig
from tests.attacks.clone.trainings import first
from tests.attacks.clone.trainings import INPUTS
from tests.attacks.clone.trainings import make_trainer
from tests.attacks.clone.trainings import make_training
from tests.attacks.clone.trainings import new_trainer
from tests.attacks.clone.trainings import TARGETS
from tests.attacks.clone.trainings import TRANSFER_SET
from tests.attacks.clone.trainings import weights


def train(**options):
    return make_trainer().train(make_training(**options))


def test_a_clone_does_not_depend_on_the_clones_before_it():
    trainer = make_trainer()
    for rows, seed in ((30, 1), (60, 0), (40, 2)):
        training = make_training(first(rows), seed)
        np.testing.assert_array_equal(weights(trainer.train(training)),
                                      weights(new_trainer().train(training)))


def test_the_seed_the_transfer_set_and_the_recipe_make_the_clone():
    trainer = make_trainer()
    clones = [
        trainer.train(make_training()),
        trainer.train(make_training(seed=1)),
        trainer.train(make_training(first(59))),
        trainer.train(make_training(optimizer="sgd"))
    ]
    assert len({clone.digest for clone in clones}) == 4
    assert len({weights(clone).tobytes() for clone in clones}) == 4


NETS = """
import keras

def build_model(shape, classes, seed):
    inputs = keras.Input(shape)
    x = keras.layers.BatchNormalization(momentum=.8)(keras.layers.Dense(8, "relu")(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes)(keras.layers.Dropout(.5)(x)))
"""


@pytest.mark.parametrize("is_own", [False, True])
def test_a_clone_answers_with_its_own_weights_whatever_was_trained_since(tmp_path, is_own):
    """Clones of one architecture share a compiled model, and none of them changes another. A user's
    own architecture here has moving averages, which belong to the weights."""
    (tmp_path / "nets.py").write_text(NETS)
    architecture = f"custom:file={tmp_path / 'nets.py'}" if is_own else "mlp"
    trainer, seen = make_trainer(), []

    def watch(model, step):
        if step == 20:
            classes = np.zeros(60, int)
            seen.append((predict(model, INPUTS), probabilities(model, INPUTS),
                         input_gradients(model, INPUTS, classes, of="cross_entropy")))

    clones = [
        trainer.train(make_training(seed=seed, architecture=architecture), watch=watch)
        for seed in range(3)
    ]
    for clone, (logits, softmax, gradients) in [*zip(clones, seen), *zip(clones[::-1], seen[::-1])]:
        np.testing.assert_array_equal(clone.logits(INPUTS), logits)
        np.testing.assert_array_equal(clone.probabilities(INPUTS), softmax)
        got = clone.gradients(INPUTS, np.zeros(60, int), of="cross_entropy")
        np.testing.assert_allclose(got, gradients, atol=1e-6)
    assert len({id(clone.model) for clone in clones}) == 1


def test_the_curve_is_taken_at_a_quarter_a_half_and_all_steps():
    clone = make_trainer().train(make_training(), watch=lambda model, step: step / 100)
    assert clone.curve == ((5, 0.05), (10, 0.1), (20, 0.2))
    np.testing.assert_array_equal(weights(clone), weights(train()))


def test_a_training_can_start_from_the_weights_of_a_clone():
    trainer = make_trainer()
    whole = trainer.train(make_training(batch_size=20))
    short = trainer.train(make_training(batch_size=20, epochs=2))
    assert (whole.steps, short.steps) == (20, 2 * 60 // 20)
    longer = trainer.train(make_training(batch_size=20, epochs=2, start=short))
    assert longer.steps == 12 and longer.digest != short.digest
    still = trainer.train(make_training(optimizer="sgd:learning_rate=1e-12", start=short, seed=5))
    np.testing.assert_allclose(weights(still), weights(short), atol=1e-6)


def test_a_clone_does_not_start_from_the_weights_of_a_victim_of_equal_seed():
    """After one step of no length, both are still where they started."""
    still = "sgd:learning_rate=1e-12"
    dataset = Dataset("rows", INPUTS, TARGETS.argmax(axis=1), 3, (0.0, 1.0))
    victim = train_victim(VictimConfig("mlp", still, steps=1, seed=0), dataset, split(dataset, 0),
                          make_strategy("one_device"))
    clone = train(optimizer=still, steps=1)
    for theirs, ours in zip(victim.model.get_weights(), clone.weights, strict=True):
        if theirs.ndim == 2:  # Biases start at 0.
            assert abs(np.corrcoef(theirs.ravel(), ours.ravel())[0, 1]) < 0.3


def test_free_augmentation_reaches_the_training():
    images = INPUTS.reshape(60, 3, 2, 1)
    still, moved = (make_trainer(
        (3, 2, 1)).train(make_training(TransferSet(images, TARGETS, TARGETS, max_shift)))
                    for max_shift in (0, 1))
    assert not np.allclose(weights(still), weights(moved))


def test_early_stopping_stops_early():
    """No input explains these targets, so the loss on held-out rows soon rises."""
    noise = TRANSFER_SET.with_targets(TARGETS[np.random.default_rng(0).permutation(60)])
    clone = train(transfer_set=noise, steps=2000, held_out=0.3, patience=2)
    assert clone.steps < 2000
    assert clone.steps % 50 == 0


def test_agreement_on_held_out_rows_is_with_their_answers():
    trainer, recipe = make_trainer(), {"steps": 600, "held_out": 0.5, "patience": 100}
    assert trainer.train(make_training(**recipe)).agreement_held_out > 0.6
    contrary = TransferSet(INPUTS, np.roll(TARGETS, 1, axis=1), TARGETS)
    assert trainer.train(make_training(contrary, 1, **recipe)).agreement_held_out < 0.4
    assert trainer.train(make_training()).agreement_held_out is None


def test_the_record_of_a_clone_is_plain_data():
    clone = make_trainer().train(make_training(), watch=lambda model, step: 0.5)
    described = clone.describe()
    assert described["agreement_validation_curve"] == [[5, 0.5], [10, 0.5], [20, 0.5]]
    assert described["steps"] == 20 and described["learned"] == {}


@pytest.mark.parametrize("held_out, expected", [(None, 0.5), (0.9, None)])
def test_the_last_value_of_the_curve_is_that_of_the_clone_without_early_stopping(
        held_out, expected):
    clone = make_trainer().train(make_training(), watch=lambda model, step: 0.5)
    assert dataclasses.replace(clone, agreement_held_out=held_out).last_watched == expected


def test_the_digest_of_a_clone_tells_the_contents_of_a_users_own_architecture(tmp_path):
    file, digests = tmp_path / "nets.py", []
    for nets in (NETS, NETS.replace("Dense(8", "Dense(9")):
        file.write_text(nets)
        training = make_training(architecture=f"custom:file={file}")
        digests.append(training.digest())
        assert len(training.recipe.describe()["architecture_digest"]) == 64
    assert digests[0] != digests[1]
    assert "architecture_digest" not in make_training().recipe.describe()


def test_what_is_fitted_to_one_victim_is_forgotten():
    """Compiled functions of other objectives are kept."""
    made, recipe = new_trainer(), make_training().recipe
    plain, fitted = ThroughDefence("rounding"), ThroughDefence("rounding", state="[1]")
    kept, gone = (made._trainer(recipe, objective) for objective in (plain, fitted))
    afresh([Workshop(recipe, made)])
    assert made._trainer(recipe, plain) is kept and made._trainer(recipe, fitted) is not gone
