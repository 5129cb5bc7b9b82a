"""Handles SIGTERM, with which a system asks a process to end."""
from collections.abc import Iterator
import contextlib
import signal
import sys
import threading
from typing import NoReturn

# The exit status of a process that SIGTERM has ended, as a shell reports it.
TERMINATED = 128 + signal.SIGTERM


class Preemption:
    """A context in which SIGTERM ends the process, at once or after the work that delays it.

    The delay gives a training on a machine that is about to be taken away the time to be stored. A
    process that is killed without a warning loses only what it did since the last checkpoint.

    Attributes:
        has_come: Whether SIGTERM has come, so that the work that delays it is to end.
    """

    def __init__(self):
        self.has_come = False
        self._delays, self._message = 0, "terminated"
        self._before = None
        # The handler does not take the lock, because it may interrupt the thread that holds it.
        self._lock = threading.Lock()

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # Other threads cannot.
            self._before = signal.signal(signal.SIGTERM, self._comes)
        return self

    def __exit__(self, error_type, error, traceback):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
        if isinstance(error, SystemExit) and error.code == TERMINATED:
            print(self._message, file=sys.stderr)

    @contextlib.contextmanager
    def delayed(self) -> Iterator[None]:
        """A context for work that checks `has_come` and ends when it is set."""
        with self._lock:
            self._delays += 1
        try:
            yield
        finally:
            with self._lock:
                self._delays -= 1
        self._end_unless_delayed()

    def end(self, message: str = "terminated") -> NoReturn:
        """Ends the process; the message is printed when the context is left."""
        self._message = message
        sys.exit(TERMINATED)

    def _comes(self, *_):
        self.has_come = True
        self._end_unless_delayed()

    def _end_unless_delayed(self):
        if self.has_come and not self._delays:
            self.end()
