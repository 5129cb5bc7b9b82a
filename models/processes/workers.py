"""The agreement between processes that train together."""
from collections.abc import Callable, Iterator
import contextlib
import functools
import json
import logging
import pathlib
import re
import sys
from typing import Any
import uuid

import numpy as np
import tensorflow as tf

from models.processes.cluster import read_cluster
from models.processes.strategy import choose
from models.processes.strategy import make_strategy
from models.processes.strategy import NAMES

# The exit status of a process that has lost another worker and is to be started again.
LOST_WORKER = 75

_LOG = logging.getLogger(__name__)

_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
         tf.errors.DeadlineExceededError)


class LostWorkerError(RuntimeError):
    """Another process of the run has gone; all of them have to be started again."""


@contextlib.contextmanager
def exit_if_lost() -> Iterator[None]:
    """Ends the program with the status `LOST_WORKER` if another worker has gone."""
    try:
        yield
    except LostWorkerError as error:
        print(error, file=sys.stderr)
        sys.exit(LOST_WORKER)


class Workers:
    """The processes of a strategy, often only one, which all run the same program.

    They train together, so every decision about the training has to be the same in all of them. One
    process, the chief, reads the disk, decides and writes; the others follow. They exchange
    decisions like gradients, so all of them have to call the same methods in the same order.

    As a context, it logs the reason for the strategy, and raises `LostWorkerError` once another
    process has gone: TensorFlow notices at once if that was the chief, else within 10 seconds.

    Args:
        strategy: A `tf.distribute.Strategy`.
        reason: The reason for choosing it. Defaults to `None`.

    Attributes:
        strategy: The strategy.
        count: The number of processes.
        is_chief: Whether this process is the chief.
    """

    def __init__(self, strategy: tf.distribute.Strategy, reason: str | None = None):
        is_multi = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        cluster = read_cluster() if is_multi else None
        self.strategy, self._reason = strategy, reason
        self.count = cluster.workers if cluster else 1
        self.is_chief = cluster is None or cluster.is_chief

    def agree(self, value: Any) -> Any:
        """Returns the chief's value, which JSON can write; the others' values are ignored."""
        if self.count == 1:
            return value
        text = np.frombuffer(json.dumps(value).encode() if self.is_chief else b"", "uint8")
        length = int(self._chiefs([len(text)], 1)[0])
        return json.loads(self._chiefs(text, length).astype("uint8").tobytes())

    def agree_array(self, array: np.ndarray) -> np.ndarray:
        """Returns the chief's float32 array; the others' arrays are ignored."""
        if self.count == 1:
            return array
        shape = self.agree(list(array.shape))
        return self._chiefs(array.ravel(), int(np.prod(shape))).reshape(shape)

    def any(self, *flags: bool) -> list[bool]:
        """Returns for each flag whether any worker has set it."""
        if self.count == 1:
            return list(flags)
        return [
            bool(number) for number in _sum(self.strategy, self.count)(np.float32(flags)).numpy()
        ]

    def check_equal(self, values: dict[str, Any]) -> None:
        """Raises a `ValueError` on all workers unless all have the same values by name."""
        values = json.loads(json.dumps(values))
        chiefs = self.agree(values)
        differing = [
            f"{name} is {values.get(name)} here, {chiefs.get(name)} for the chief"
            for name in sorted(values.keys() | chiefs.keys())
            if values.get(name) != chiefs.get(name)
        ]
        if self.any(bool(differing))[0]:
            raise ValueError("All workers must have the same flags, data and victim. Received: "
                             f"{'; '.join(differing) or 'others, which those workers name'}")

    def check_shared(self, directory: pathlib.Path) -> None:
        """Raises a `ValueError` on all workers unless all see the chief's directory."""
        if self.count == 1:
            return
        token = directory / self.agree(f".seen-by-all.{uuid.uuid4().hex}")
        if self.is_chief:
            token.touch()
        self.agree(None)  # The others look only after this.
        is_missing, = self.any(not token.exists())
        if self.is_chief:
            token.unlink()
        if is_missing:
            raise ValueError("`output_dir` must be one directory that all workers see. Received: "
                             f"{directory}, where some do not see what the chief writes")

    @contextlib.contextmanager
    def on_chief(self, enter: Callable[[], contextlib.AbstractContextManager]) -> Iterator[Any]:
        """Enters a context on the chief alone; yields to all workers what it yields there."""
        with contextlib.ExitStack() as stack:
            yield self.agree(stack.enter_context(enter()) if self.is_chief else None)

    def __enter__(self):
        if self._reason and self.is_chief:
            _LOG.info("%s", self._reason)
        return self

    def __exit__(self, error_type, error, traceback):
        if self.count > 1 and isinstance(error, _LOST):
            # TensorFlow states the reason somewhere in many lines.
            reason = re.search("aborted by: (.*)|$", str(error)).group(1) or type(error).__name__
            raise LostWorkerError(f"Another worker has gone, and may print why ({reason}).\n"
                                  "Start all of them again, and the run continues.") from error

    def _chiefs(self, values, length):
        own = np.asarray(values if self.is_chief else np.zeros(length), "float32")
        return _sum(self.strategy, self.count)(own).numpy()


def join(distribution: str, rows: int) -> Workers:
    """Makes a strategy and waits for the other processes, if there are any.

    Call it before TensorFlow computes anything.

    Args:
        distribution: One of `models.processes.strategy.NAMES`.
        rows: The rows of a training step, over all replicas.
    """
    if distribution not in NAMES:
        raise ValueError(f"`distribution` must be one of {', '.join(NAMES)}. Received: "
                         f"{distribution!r}")
    if distribution != "auto":
        return Workers(make_strategy(distribution))
    name, reason = choose(rows)
    return Workers(make_strategy(name), f"distribution=auto: {name}, as {reason}.")


@functools.cache
def _sum(strategy, count):
    """Compiles the sum of float32 numbers over the workers, each counted for one replica."""
    local = strategy.num_replicas_in_sync // count

    def contribute(numbers):
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.where(tf.equal(replica % local, 0), numbers, tf.zeros_like(numbers))

    @tf.function(input_signature=[tf.TensorSpec([None], "float32")])
    def total(numbers):
        return strategy.reduce("SUM", strategy.run(contribute, [numbers]), axis=None)

    return total
