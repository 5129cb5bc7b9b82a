"""Images on disk equal the same images in memory, and are read a few at a time."""
import keras
import numpy as np
import pytest

from models import architectures
from models.data import splits
from models.data import streamed
from models.data.dataset import Dataset
from models.data.streamed import StreamedImages
from models.processes.strategy import make_strategy
from models.training.plan import TrainingPlan
from models.training.trainer import Trainer
from tests.models.watched import Watched

BYTES = np.random.default_rng(0).integers(0, 256, [90, 6, 5, 3], "uint8")
BYTES[0, 0, 0] = 0, 1, 255
ARRAY = (BYTES / 255).astype("float32")


def equal(actual, expected):
    assert type(actual) is np.ndarray and actual.dtype == np.float32
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("rows", [
    3, np.int64(-1), slice(None), slice(2, 40, 3), slice(0, 0), [5, 1, 1], np.arange(90) % 3 == 0,
    np.zeros(90, bool), np.array([], int)
])  # yapf: disable
def test_reads_what_an_array_gives(rows):
    equal(StreamedImages(BYTES)[rows], ARRAY[rows])


def test_is_used_as_an_array():
    chosen = np.random.default_rng(1).permutation(90)[:50]
    images, array = StreamedImages(BYTES).take(chosen, axis=0), ARRAY.take(chosen, axis=0)
    equal(images.take([4, 2, 9])[1:], array[[2, 9]])
    for name in ("shape", "ndim", "dtype"):
        assert getattr(images, name) == getattr(array, name)
    assert len(images) == 50 and (images.min(), images.max()) == (array.min(), array.max())
    np.testing.assert_array_equal(list(images), array)
    with pytest.raises(TypeError, match=r"Use x\[:\]"):
        np.asarray(images)
    with pytest.raises(ValueError, match="axis must be 0"):
        images.take([0], axis=1)


def test_equals_the_same_images_in_memory_and_reads_few_at_a_time(monkeypatch):
    monkeypatch.setattr(streamed, "_ROWS", 7)
    targets = np.eye(3, dtype="float32")[np.arange(90) % 3]

    def outcome(x):
        dataset = Dataset("any", x, np.arange(90) % 3, 3, (0.0, 1.0))
        parts = splits.split(dataset, 0)
        trainer = Trainer(lambda seed: architectures.build("digits_cnn", (6, 5, 3), 3, seed),
                          keras.optimizers.Adam, 4, make_strategy("one_device"))
        plan = TrainingPlan(x, targets, 3, seed=1, max_shift=1, unlabelled=parts.pool.x)
        weights = trainer.train(plan).weights
        return (dataset.fingerprint(), trainer.predict(weights, parts.test.x).tolist(),
                [weight.tolist() for weight in weights])

    watched = Watched(BYTES)
    assert outcome(StreamedImages(watched)) == outcome(ARRAY)
    assert watched.most == 12  # Of the three steps that the trainer gathers at a time.
