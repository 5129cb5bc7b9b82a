"""The batches of a window that wait until they may be sent."""

from collections.abc import Sequence
import dataclasses
import time

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.transport.retrying import delay_s


@dataclasses.dataclass
class Batch:
    """Rows that are sent together, by their positions in the window, and when they may be sent."""
    positions: Sequence[int]
    retries: int = 0
    not_before: float = 0.0


class BatchQueue:
    """Batches in the order in which they may be sent, by the clock.

    Args:
        config: The most rows in a second, and how a request is sent again.
    """

    def __init__(self, config: EndpointConfig):
        self._config = config
        self._waiting: list[Batch] = []
        self._not_before = 0.0  # Holds for all batches.

    def fill(self, positions: Sequence[int], size: int) -> None:
        """Replaces the batches of the queue.

        Args:
            positions: The positions of the rows to send.
            size: The most rows in a batch.
        """
        starts = range(0, len(positions), size)
        self._waiting = [Batch(positions[start:start + size]) for start in starts]

    def __len__(self):
        return len(self._waiting)

    def take_due(self, most: int) -> list[Batch]:
        """Removes and returns the batches to send now, at most `most`."""
        now = time.monotonic()
        if now < self._not_before:
            return []
        due = [batch for batch in self._waiting if batch.not_before <= now][:most]
        if self._config.rows_per_second:  # The next batch is due after the time of this one.
            due = due[:1]
        for batch in due:
            self._waiting.remove(batch)
        return due

    def sent(self, rows: int) -> None:
        """Lets all batches wait for as long as these rows take at the limited rate."""
        if self._config.rows_per_second:
            self._not_before = time.monotonic() + rows / self._config.rows_per_second

    def pause_s(self) -> float | None:
        """Returns the seconds until a batch may be due; None if the queue is empty."""
        if not self._waiting:
            return None
        due = max(self._not_before, min(batch.not_before for batch in self._waiting))
        return max(0.0, due - time.monotonic())

    def put_back(self, batch: Batch, error: RequestFailedError) -> None:
        """Lets a batch that failed wait.

        Raises:
            EndpointError: If it may not be sent again.
        """
        now, delay = time.monotonic(), delay_s(self._config.retry, batch.retries, error)
        batch.retries, batch.not_before = batch.retries + 1, now + delay
        if error.retry_after_s:  # The server asks this of all requests.
            self._not_before = max(self._not_before, now + error.retry_after_s)
        self._waiting.append(batch)
