"""What happens when the system asks the process to end."""
from collections.abc import Iterator
import contextlib
import signal
import sys
import threading
from typing import NoReturn

# The exit status of a process that SIGTERM has ended, as a shell has it.
TERMINATED = 128 + signal.SIGTERM


class Preemption:
    """As a context, takes SIGTERM: at once, or where it is delayed, as soon as that is over.

    So a machine that is taken away leaves a training the time to be kept. A process that is killed
    without a warning loses what it did since then, and nothing else.

    Attributes:
        has_come: whether SIGTERM has come, and whoever delays it is to come to an end.
    """

    def __init__(self):
        self.has_come = False
        self._delays, self._message = 0, "terminated"
        self._before = None
        self._lock = threading.Lock()  # Not taken by the handler, which may interrupt its holder.

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():  # Others cannot take signals.
            self._before = signal.signal(signal.SIGTERM, self._comes)
        return self

    def __exit__(self, error_type, error, traceback):
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
        if isinstance(error, SystemExit) and error.code == TERMINATED:
            print(self._message, file=sys.stderr)

    @contextlib.contextmanager
    def delayed(self) -> Iterator[None]:
        """Where work is done that looks at `has_come`, and ends when it is set."""
        with self._lock:
            self._delays += 1
        try:
            yield
        finally:
            with self._lock:
                self._delays -= 1
        self._end_unless_delayed()

    def end(self, message: str = "terminated") -> NoReturn:
        """Ends the process; what is said, is said when the context is left."""
        self._message = message
        sys.exit(TERMINATED)

    def _comes(self, *_):
        self.has_come = True
        self._end_unless_delayed()

    def _end_unless_delayed(self):
        if self.has_come and not self._delays:
            self.end()
