"""The progress bar of a run."""

from collections.abc import Callable
import sys
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
        self._end = 0
        self._noted = 0.0

    def __enter__(self):
        return self

    def __exit__(self, error_type, *error):
        if self._bar is not None:
            if error_type is None:
                self._finish_current()
            self._bar.close()

    def expects(self, steps: int) -> None:
        """Adds steps to what lies ahead."""
        self._expected += steps

    def starts(self, what: str, steps: int) -> Callable[[int], None]:
        """Names what runs next and takes what ran before as done, also where it stopped early.

        Args:
            what: A few words.
            steps: The steps planned for it.

        Returns:
            A function that counts its steps.
        """
        if self._bar is None:
            self._bar = tqdm.tqdm(desc=what,
                                  total=self._expected,
                                  bar_format=_FORMAT,
                                  file=sys.stderr,
                                  mininterval=0.2 if self._live else 15,
                                  dynamic_ncols=self._live,
                                  ncols=None if self._live else 120)
        self._bar.total = self._expected
        self._finish_current()
        self._bar.set_postfix_str("", refresh=False)
        self._end = self._bar.n + steps
        self._bar.set_description_str(what, refresh=self._live)
        return self._bar.update

    def notes(self, text: str) -> None:
        """Says what goes on in what runs, as often as the bar is shown."""
        now = time.monotonic()
        if self._bar is not None and now >= self._noted + self._bar.mininterval:
            self._noted = now
            self._bar.set_postfix_str(text)

    def _finish_current(self):
        self._bar.update(self._end - self._bar.n)
