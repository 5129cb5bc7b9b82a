"""What a cell costs in time."""

import time


class Stopwatch:
    """Measures wall time and processor time from its creation on.

    The processor time is that of all threads of this process, divided among the clones that are
    trained at once: the sum over the cells of a run is that of the run.

    Args:
        clones_at_once: The number of clones that are trained at once.
    """

    def __init__(self, clones_at_once: int):
        self._clones_at_once = clones_at_once
        self._start, self._cpu_start = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """The times so far, as records keep them: `seconds` and `cpu_seconds`."""
        return {
            "seconds": time.monotonic() - self._start,
            "cpu_seconds": (time.process_time() - self._cpu_start) / self._clones_at_once,
        }
