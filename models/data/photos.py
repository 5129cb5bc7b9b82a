"""Natural images that need no download: patches of scikit-learn's two sample photographs."""
import numpy as np

from models.data.images import resize

# The sides of the patches in pixels: details, objects, and a large part of the photograph.
_SIDES = (32, 64, 128)
# Neighbouring patches overlap by three quarters of a side.
_STEPS_PER_SIDE = 4


def patches(size: tuple[int, int]) -> np.ndarray:
    """Returns square patches of a temple and of a flower.

    The photographs are those of `sklearn.datasets.load_sample_images`. The patches, about ten
    thousand, are cut on a grid at three sizes, and their random order is always the same.

    Args:
        size: The pair (height, width) to which they are resized.

    Returns:
        Array `[n, height, width, 3]`, float32 in `[0, 1]`.
    """
    from sklearn import datasets

    photos = [photo.astype(np.float32) / 255 for photo in datasets.load_sample_images().images]
    cut = [resize(_grid(photo, side), size) for side in _SIDES for photo in photos]
    images = np.concatenate(cut)
    return images[np.random.default_rng(0).permutation(len(images))]


def _grid(photo, side):
    """Returns the patches `[n, side, side, 3]` of one photograph `[height, width, 3]`."""
    step = side // _STEPS_PER_SIDE
    windows = np.lib.stride_tricks.sliding_window_view(photo, (side, side), axis=(0, 1))
    return np.moveaxis(windows[::step, ::step], 2, -1).reshape(-1, side, side, 3)
