"""The batches of a training run, planned and gathered on the host."""
from collections.abc import Iterable, Iterator
from concurrent import futures

import numpy as np
import tensorflow as tf

from models.data.streamed import Inputs
from models.training.augmentation import Draws


class Batches:
    """Draws batches that depend on the seed alone.

    A global batch is divided equally between the replicas. If it does not divide evenly, the last
    places are filled with row 0 at weight 0, so that the weighted sum of the losses over all
    replicas is exactly the mean over the batch.

    Args:
        x: Inputs `[n, ...]`, read one batch at a time.
        targets: Targets `[n, classes]`.
        batch_size: Rows per step, over all replicas; all rows if there are fewer.
        seed: The integer that determines the order of the rows and their augmentation.
        draws: Draws the augmentation of the rows.
        replicas: The number of replicas.
    """

    def __init__(self, x: Inputs, targets: np.ndarray, batch_size: int, seed: int, draws: Draws,
                 replicas: int):
        self._x, self._targets = x, targets
        self._batch = min(batch_size, len(x))
        self._draws = draws
        self._order_rng = np.random.default_rng([seed, 0])
        self._order = np.empty(0, "int32")
        self._per_replica = -(-self._batch // replicas)
        self._replicas = replicas
        self._weights = self._deal(np.full([1, self._batch], 1 / self._batch, "float32"))[0]

    @property
    def step_bytes(self) -> int:
        """The bytes of the inputs of one step, as float32."""
        return 4 * self._per_replica * self._replicas * int(np.prod(self._x.shape[1:]))

    def take(self, steps: int) -> list[np.ndarray]:
        """Draws the batches of the next steps.

        Returns:
            Arrays: inputs `[steps, replicas, m, ...]`, targets `[steps, replicas, m, classes]`,
            weights `[replicas, m]`, draws `[steps, replicas, m, augmentation.DRAWN]`.
        """
        rows, drawn = self._plan(steps)
        rows = self._deal(rows.reshape([steps, self._batch]))
        return [
            _gather(self._x, rows),
            _gather(self._targets, rows), self._weights,
            self._deal(drawn)
        ]

    def skip(self, steps: int) -> None:
        """Advances by `steps` steps without gathering their batches."""
        for start in range(0, steps, 1000):
            self._plan(min(1000, steps - start))

    def _plan(self, steps):
        missing = steps * self._batch - len(self._order)
        epochs = [
            self._order_rng.permutation(len(self._x)).astype("int32")
            for _ in range(-(-max(0, missing) // len(self._x)))
        ]
        rows, self._order = np.split(np.concatenate([self._order, *epochs]), [steps * self._batch])
        return rows, self._draws.take((steps, self._batch))

    def _deal(self, batches):
        missing = self._replicas * self._per_replica - self._batch
        padded = np.pad(batches, [(0, 0), (0, missing)] + [(0, 0)] * (batches.ndim - 2))
        return padded.reshape([len(batches), self._replicas, self._per_replica, *batches.shape[2:]])


class PairedBatches:
    """Joins two batches in each step, the rows of the second after the rows of the first."""

    def __init__(self, first: Batches, second: Batches):
        self._first, self._second = first, second

    @property
    def step_bytes(self) -> int:
        """See `Batches`; of both."""
        return self._first.step_bytes + self._second.step_bytes

    def skip(self, steps: int) -> None:
        """See `Batches`; of both."""
        self._first.skip(steps)
        self._second.skip(steps)

    def take(self, steps: int) -> list[np.ndarray]:
        """Draws batches as `Batches.take` does; the weights of each kind sum to one."""
        inputs, targets, weights, drawn = zip(self._first.take(steps), self._second.take(steps))
        return [
            np.concatenate(inputs, axis=2),
            np.concatenate(targets, axis=2),
            np.concatenate(weights, axis=1),
            np.concatenate(drawn, axis=2)
        ]


def prefetch(batches: Batches | PairedBatches, spans: Iterable[int]) -> Iterator[list[tf.Tensor]]:
    """Yields the batches of so many steps at a time, while a thread gathers the next ones.

    Args:
        batches: The batches.
        spans: Numbers of steps.
    """

    def tensors(steps):
        return [tf.constant(part) for part in batches.take(steps)]

    with futures.ThreadPoolExecutor(1) as thread:
        ahead = None
        for steps in spans:
            ready, ahead = ahead, thread.submit(tensors, steps)
            if ready:
                yield ready.result()
        if ahead:
            yield ahead.result()


def _gather(rows, places):
    return rows[places.ravel()].reshape([*places.shape, *rows.shape[1:]])
