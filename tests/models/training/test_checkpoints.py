"""A stopped training is resumed as if it had not been stopped."""
import numpy as np
import pytest

from models import architectures
from models.processes.preemption import Preemption
from models.processes.strategy import make_strategy
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint
from models.training.optimizers import OPTIMIZERS
from models.training.trainer import Trainer
from tests.models.training.trainers import CLASSES
from tests.models.training.trainers import Moved
from tests.models.training.trainers import SHAPE
from tests.models.training.trainers import train as train_plan

STEPS = 170
RNG = np.random.default_rng(0)
X = RNG.random((40, *SHAPE), "float32")
TARGETS = RNG.dirichlet(np.ones(CLASSES), 40).astype("float32")


def make_trainer(architecture="mlp", objective=None, strategy="one_device", precision="float32"):
    return Trainer(lambda seed: architectures.build(architecture, SHAPE, CLASSES, seed, precision),
                   lambda: OPTIMIZERS.make("adam:learning_rate=.01"), 16, make_strategy(strategy),
                   objective)


def train(trainer, checkpoint=None, **options):
    options = {"watch": lambda model, step: step / 3, "watch_at": [60, 120, STEPS], **options}
    return train_plan(trainer, X, TARGETS, STEPS, 7, checkpoint=checkpoint, **options)


def outcome(trained):
    """Everything that must not depend on whether it was stopped."""
    weights = np.concatenate([weight.ravel() for weight in trained.weights])
    return weights.tobytes(), trained.steps, trained.watched, trained.learned


class Place:
    """A checkpoint, and a SIGTERM after a number of steps."""

    def __init__(self, directory, strategy="one_device", every=1000):
        self.preemption = Preemption()
        self.checkpoint = Checkpoint(directory, every, Workers(make_strategy(strategy)),
                                     self.preemption)

    def stop_after(self, steps):
        done = 0

        def progress(new):
            nonlocal done
            done += new
            self.preemption.has_come |= done >= steps

        return {"progress": progress, "checkpoint": self.checkpoint}


CASES = {
    "dropout, whose random numbers go on, and shifts": ({"architecture": "mnist_cnn"},
                                                        {"max_shift": 1}),
    "early stopping, and the best so far": ({}, {"held_out": (X, np.roll(TARGETS, 1, 1)),
                                                 "patience": 2}),
    "an objective's own variable": ({"objective": Moved()}, {}),
    "unlabelled rows, and other weights to start from": ({}, {
        "unlabelled": X[:23], "max_shift": 1,
        "start": architectures.build("mlp", SHAPE, CLASSES, 99).get_weights()}),
    "the scale of float16's gradients": ({"precision": "mixed_float16"}, {}),
}  # yapf: disable


@pytest.mark.parametrize("made, options", CASES.values(), ids=CASES)
def test_a_stopped_training_ends_as_it_would_have_ended(made, options, tmp_path):
    """Although it is stopped twice, and resumed by a new trainer and by a used one."""
    used = make_trainer(**made)
    whole = outcome(train(used, **options))
    for steps in (50, 100):
        place = Place(tmp_path)
        with pytest.raises(SystemExit, match="143"):
            train(used, **options, **place.stop_after(steps))
    counts = []
    place = Place(tmp_path, every=0)
    last = train(make_trainer(**made), place.checkpoint, progress=counts.append, **options)
    assert outcome(last) == whole
    assert counts[0] >= 100 and sum(counts) == last.steps
    # It is stored at its end too, so that a cell of several trainings repeats none of them.
    counts.clear()
    again = train(used, place.checkpoint, progress=counts.append, **options)
    assert outcome(again) == whole and counts == [last.steps]
    place.checkpoint.remove()
    assert not tmp_path.exists()


def test_two_replicas_resume_and_one_replica_does_not_resume_for_two(tmp_path):
    trainer = make_trainer(strategy="mirrored")
    whole = outcome(train(trainer))
    with pytest.raises(SystemExit):
        train(trainer, **Place(tmp_path, "mirrored").stop_after(50))
    counts = []
    train(make_trainer(), Place(tmp_path).checkpoint, progress=counts.append)
    assert counts[0] == 50 and len(counts) > 3
    assert outcome(train(trainer, Place(tmp_path, "mirrored").checkpoint)) == whole


def test_short_trainings_are_not_stored_and_long_ones_are_at_intervals(tmp_path):
    train(make_trainer(), Place(tmp_path / "short").checkpoint)
    assert not (tmp_path / "short").exists()
    kept = []

    def watch(model, step):
        kept.append(sorted(path.name for path in tmp_path.rglob("*.index")))
        return 0.0

    checkpoint = Place(tmp_path, every=0).checkpoint.below("long")
    train(make_trainer(), checkpoint, watch=watch)
    assert kept == [["ckpt-50.index"], ["ckpt-100.index"], ["ckpt-150.index"]]
    assert [path.name for path in tmp_path.rglob("*.index")] == [f"ckpt-{STEPS}.index"]


@pytest.mark.parametrize("what", ["data", "index", "checkpoint"])
def test_an_unreadable_checkpoint_is_trained_again(what, tmp_path, caplog):
    trainer, options = make_trainer(), {"held_out": (X, TARGETS)}
    whole = outcome(train(trainer, **options))
    with pytest.raises(SystemExit):
        train(trainer, **Place(tmp_path).stop_after(50), **options)
    path, = (path for path in tmp_path.rglob("*") if path.is_file() and
             what in path.name.replace("ckpt-50.", "").replace("-00000-of-00001", ""))
    path.write_bytes(path.read_bytes()[:len(path.read_bytes()) // 2])
    assert outcome(train(trainer, Place(tmp_path).checkpoint, **options)) == whole
    assert ("starts again" in caplog.text) == (what != "checkpoint")


def test_a_disk_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/.* cannot be written"):
        train(make_trainer(), **Place(tmp_path / "file").stop_after(50))
