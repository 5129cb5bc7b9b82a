"""Natural images that need no download: patches of scikit-learn's two sample photographs."""
import numpy as np

from models.data.images import resize

# The sides of the patches in pixels: details, things, and a good part of the photograph.
_SIDES = (32, 64, 128)
# Neighbours on the grid have three quarters of a side in common.
_STEPS_PER_SIDE = 4


def patches(size: tuple[int, int]) -> np.ndarray:
    """Square patches of a temple and of a flower (`sklearn.datasets.load_sample_images`).

    They are cut on a grid, at three sides, and are in random order, always the same one: some ten
    thousand of them.

    Args:
        size: A pair (height, width) to which they are resized.

    Returns:
        Array `[n, height, width, 3]`, float32 in `[0, 1]`.
    """
    from sklearn import datasets

    photos = [photo.astype(np.float32) / 255 for photo in datasets.load_sample_images().images]
    cut = [resize(_grid(photo, side), size) for side in _SIDES for photo in photos]
    images = np.concatenate(cut)
    return images[np.random.default_rng(0).permutation(len(images))]


def _grid(photo, side):
    """The patches `[n, side, side, 3]` of one photograph `[height, width, 3]`."""
    step = side // _STEPS_PER_SIDE
    windows = np.lib.stride_tricks.sliding_window_view(photo, (side, side), axis=(0, 1))
    return np.moveaxis(windows[::step, ::step], 2, -1).reshape(-1, side, side, 3)
