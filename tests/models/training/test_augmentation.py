"""Augmentation: what each change does to an image, and that one changes no draw of another."""
import math

import numpy as np
import pytest
from scipy import ndimage

from models.training.augmentation import Augmentation
from models.training.augmentation import DRAWN
from models.training.augmentation import Draws
from models.training.plan import TrainingPlan
from tests.models.training.trainers import make_trainer
from tests.models.training.trainers import TARGETS
from tests.models.training.trainers import train
from tests.models.training.trainers import weights
from tests.models.training.trainers import X

IMAGES = np.random.default_rng(0).random((40, 6, 9, 2), np.float32)
ALL = Augmentation(flip=True, rotation=30, cutout=3)
STEPS = (5, 8)


def drawn_for(augmentation, max_shift=2, seed=1):
    return Draws(augmentation, max_shift, IMAGES.shape[1:], seed).take(STEPS)


def changed(augmentation, **columns):
    """The images after the change that the given columns of draws ask for."""
    drawn = np.zeros([len(IMAGES), DRAWN], np.float32)
    for column, value in columns.items():
        drawn[:, int(column.removeprefix("column_"))] = value
    return augmentation.function(shifted=False)(IMAGES, drawn).numpy()


@pytest.mark.parametrize("alone, columns", [
    (Augmentation(), slice(0, 2)),
    (Augmentation(flip=True), slice(2, 3)),
    (Augmentation(rotation=30), slice(3, 4)),
    (Augmentation(cutout=3), slice(4, 6)),
])
def test_one_change_does_not_alter_what_is_drawn_for_another(alone, columns):
    np.testing.assert_array_equal(drawn_for(alone)[..., columns], drawn_for(ALL)[..., columns])


def test_draws_cover_their_ranges():
    drawn = Draws(ALL, 1, IMAGES.shape[1:], 0).take((500,))
    assert set(drawn[:, 2]) == {0, 1}
    assert math.radians(29) < np.abs(drawn[:, 3]).max() <= math.radians(30)
    assert set(drawn[:, 4]) == set(range(6)) and set(drawn[:, 5]) == set(range(9))


def test_an_image_is_mirrored_left_to_right():
    np.testing.assert_array_equal(changed(Augmentation(flip=True), column_2=1), IMAGES[:, :, ::-1])
    np.testing.assert_array_equal(changed(Augmentation(flip=True), column_2=0), IMAGES)


@pytest.mark.parametrize("degrees", [-40, 0, 17, 90])
def test_an_image_is_turned_about_its_centre(degrees):
    turned = changed(Augmentation(rotation=180), column_3=math.radians(degrees))
    expected = ndimage.rotate(IMAGES, -degrees, axes=(1, 2), reshape=False, order=1, mode="nearest")
    np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_a_square_is_replaced_by_the_mean_also_at_the_edge():
    cut = changed(Augmentation(cutout=3), column_4=0, column_5=4)
    expected = IMAGES.copy()
    expected[:, :2, 3:6] = IMAGES.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(cut, expected, atol=1e-6)


def test_images_for_which_nothing_is_drawn_stay_as_they_are():
    still = Draws(Augmentation(), 0, IMAGES.shape[1:], 0).take((len(IMAGES),))
    np.testing.assert_array_equal(ALL.function(shifted=True)(IMAGES, still), IMAGES)
    assert Augmentation().function(shifted=False) is None and not Augmentation() and ALL


def test_replicas_train_the_same_model_on_augmented_images():
    one, two = (train(make_trainer(replicas), X, TARGETS, 20, seed=1, augmentation=ALL)
                for replicas in (1, 2))
    np.testing.assert_allclose(weights(one), weights(two), atol=1e-5)
    plain = train(make_trainer(), X, TARGETS, 20, seed=1)
    assert np.abs(weights(one) - weights(plain)).max() > 1e-3


@pytest.mark.parametrize("options, message", [
    ({
        "flip": 1
    }, "`flip` must be a boolean"),
    ({
        "rotation": -1
    }, "`rotation` must be an angle from 0 to 180 degrees. Received: -1"),
    ({
        "rotation": float("nan")
    }, "`rotation` must be"),
    ({
        "cutout": 1.5
    }, "`cutout` must be an integer"),
])
def test_impossible_changes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**options)


def test_only_images_are_augmented():
    plan = TrainingPlan(np.zeros((9, 4)), np.eye(2)[np.zeros(9, int)], 1, 0,
                        augmentation=Augmentation(flip=True))  # yapf: disable
    with pytest.raises(ValueError, match="augmentation=.* needs images"):
        plan.check_fits((4,), 2)
