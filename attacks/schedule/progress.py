"""The progress bar of a run."""

from collections.abc import Callable, Iterator
import contextlib
import sys
import threading
import time

import tqdm

_FORMAT = ("{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps "
           "[{elapsed}, {remaining} left{postfix}]")


class Progress:
    """A bar on stderr: what is running, how far it is and how long it will take.

    The unit is the training step, of the victim and of every clone; how many cells are done and
    left stands in front. On a terminal the bar moves; in a file or a pipe it is a line a minute.
    Nothing is shown before something runs.

    Args:
        is_shown: Whether there is a bar. Defaults to `True`.
    """

    def __init__(self, is_shown: bool = True):
        self._is_shown = is_shown
        self._live = is_shown and sys.stderr.isatty()
        self._interval = 0.2 if self._live else 60
        self._bar = None
        self._expected = 0
        self._cells = self._cells_done = 0
        self._running: list[str] = []
        self._noted = 0.0
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.close()

    def expects(self, steps: int) -> None:
        """Adds steps to the total."""
        self._expected += steps

    def expects_cells(self, cells: int) -> None:
        """Adds cells to the total."""
        self._cells += cells

    def cell_done(self) -> None:
        """Counts a cell."""
        with self._lock:
            self._cells_done += 1
            if self._bar is not None:
                self._bar.set_description_str(self._description(), refresh=False)

    @contextlib.contextmanager
    def running(self, what: str, steps: int) -> Iterator[Callable[[int], None]]:
        """Shows a name while its steps run; at the end all of them count, also after an early stop.

        Several threads may each have something running.

        Args:
            what: A few words.
            steps: The number of steps planned.

        Yields:
            A function that counts steps.
        """
        done = 0

        def count(new):
            nonlocal done
            done += new
            with self._lock:
                self._bar.update(new)

        with self._lock:
            self._running.append(what)
            self._show(refresh=self._live)
        yield count
        with self._lock:
            self._bar.update(steps - done)
            self._running.remove(what)
            if self._running:
                self._show(refresh=False)

    def notes(self, text: str) -> None:
        """Shows a note behind the bar, as often as the bar itself is shown."""
        now = time.monotonic()
        if self._bar is not None and now >= self._noted + self._interval:
            self._noted = now
            self._bar.set_postfix_str(text)

    def _show(self, refresh):
        description = self._description()
        if self._bar is None:
            self._bar = tqdm.tqdm(desc=description,
                                  total=self._expected,
                                  bar_format=_FORMAT,
                                  file=sys.stderr,
                                  disable=not self._is_shown,
                                  mininterval=self._interval,
                                  dynamic_ncols=self._live,
                                  ncols=None if self._live else 120)
        self._bar.total = self._expected
        self._bar.set_postfix_str("", refresh=False)
        self._bar.set_description_str(description, refresh=refresh)

    def _description(self):
        """The cells that are done and left, and what is running."""
        others = len(self._running) - 1
        running = self._running[-1] + f" and {others} more" * (others > 0) if self._running else ""
        left = self._cells - self._cells_done
        cells = f"{self._cells_done:,} cells done, {left:,} left" if self._cells else ""
        return ": ".join(filter(None, (cells, running)))
