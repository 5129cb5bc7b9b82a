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
    """Says on stderr what is running, how far it is and how long it will take.

    The unit is the training step, of the victim and of every clone. A terminal gets a live bar, a
    file or a pipe its state every 15 seconds. Nothing is shown before something runs.
    """

    def __init__(self):
        self._live = sys.stderr.isatty()
        self._bar = None
        self._expected = 0
        self._running: list[str] = []
        self._noted = 0.0
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._bar is not None:
            self._bar.close()

    def expects(self, steps: int) -> None:
        """Adds steps to what lies ahead."""
        self._expected += steps

    @contextlib.contextmanager
    def running(self, what: str, steps: int) -> Iterator[Callable[[int], None]]:
        """Names what runs; at the end all of it counts as done, also where it stopped early.

        Several threads may each have something running.

        Args:
            what: A few words.
            steps: The steps planned for it.

        Yields:
            A function that counts its steps.
        """
        done = 0

        def count(new):
            nonlocal done
            done += new
            with self._lock:
                self._bar.update(new)

        with self._lock:
            self._running.append(what)
            self._shows(refresh=self._live)
        yield count
        with self._lock:
            self._bar.update(steps - done)
            self._running.remove(what)
            if self._running:
                self._shows(refresh=False)

    def notes(self, text: str) -> None:
        """Says what goes on in what runs, as often as the bar is shown."""
        now = time.monotonic()
        if self._bar is not None and now >= self._noted + self._bar.mininterval:
            self._noted = now
            self._bar.set_postfix_str(text)

    def _shows(self, refresh):
        others = len(self._running) - 1
        description = self._running[-1] + f" and {others} more" * (others > 0)
        if self._bar is None:
            self._bar = tqdm.tqdm(desc=description,
                                  total=self._expected,
                                  bar_format=_FORMAT,
                                  file=sys.stderr,
                                  mininterval=0.2 if self._live else 15,
                                  dynamic_ncols=self._live,
                                  ncols=None if self._live else 120)
        self._bar.total = self._expected
        self._bar.set_postfix_str("", refresh=False)
        self._bar.set_description_str(description, refresh=refresh)
