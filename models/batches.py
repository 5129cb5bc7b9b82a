"""The batches of a training run, planned on the host."""
import numpy as np
import tensorflow as tf


class Batches:
    """Plans batches on the host, from the seed alone.

    A global batch is dealt out to the replicas in equal parts. Where it does not divide evenly, the
    last places are filled with row 0 at weight 0, so that the weighted sum of the losses over all
    replicas is exactly the mean over the batch.
    """

    def __init__(self, n: int, batch_size: int, seed: int, max_shift: int, replicas: int):
        self._n = n
        self._batch = min(batch_size, n)
        self._max_shift = max_shift
        self._order_rng, self._shift_rng = (
            np.random.default_rng([seed, stream]) for stream in range(2))
        self._order = np.empty(0, "int32")
        self._per_replica = -(-self._batch // replicas)
        self._replicas = replicas
        self._weights = self._deal(np.full([1, self._batch], 1 / self._batch, "float32"))[0]

    def plan(self, steps: int) -> list[tf.Tensor]:
        """Plans the next steps.

        Returns:
            Tensors: rows `[steps, replicas, m]`, weights `[replicas, m]`, shifts
            `[steps, replicas, m, 2]`.
        """
        while len(self._order) < steps * self._batch:
            self._order = np.append(self._order,
                                    self._order_rng.permutation(self._n).astype("int32"))
        rows, self._order = np.split(self._order, [steps * self._batch])
        shape = [steps, self._batch, 2]
        shifts = (self._shift_rng.integers(-self._max_shift, self._max_shift + 1, shape)
                  if self._max_shift else np.zeros(shape)).astype("int32")
        plan = self._deal(rows.reshape([steps, self._batch])), self._weights, self._deal(shifts)
        return [tf.constant(part) for part in plan]

    def _deal(self, batches):
        missing = self._replicas * self._per_replica - self._batch
        padded = np.pad(batches, [(0, 0), (0, missing)] + [(0, 0)] * (batches.ndim - 2))
        return padded.reshape([len(batches), self._replicas, self._per_replica, *batches.shape[2:]])


class BesideEachOther:
    """Two kinds of batches in each step, the rows of the second behind those of the first.

    Args:
        first: plans the rows from 0 up.
        second: likewise of its own; `offset` is added to its rows.
        offset: the number of rows of the first kind.
    """

    def __init__(self, first: Batches, second: Batches, offset: int):
        self._first, self._second, self._offset = first, second, offset

    def plan(self, steps: int) -> list[tf.Tensor]:
        """Plans the next steps, as `Batches.plan` does; the weights of each kind sum to one."""
        rows, weights, shifts = zip(self._first.plan(steps), self._second.plan(steps))
        return [
            tf.concat([rows[0], rows[1] + self._offset], axis=2),
            tf.concat(weights, axis=1),
            tf.concat(shifts, axis=2)
        ]


def shift_images(images: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Moves each image down and to the right by whole pixels, repeating the pixels at the edge.

    Args:
        images: a tensor of shape `[n, height, width, channels]`.
        shifts: integers of shape `[n, 2]`: pixels down, pixels to the right.

    Returns:
        A tensor of the shape of `images`.
    """
    for axis in (1, 2):
        size = tf.shape(images)[axis]
        sources = tf.clip_by_value(tf.range(size) - shifts[:, axis - 1, None], 0, size - 1)
        images = tf.gather(images, sources, axis=axis, batch_dims=1)
    return images
