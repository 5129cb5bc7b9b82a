"""The progress of measurements on a terminal."""
from collections.abc import Callable, Iterator
import contextlib
import sys
import time

# Nothing is shown of what ends sooner.
_SECONDS = 2.0
_WIDTH = 30


@contextlib.contextmanager
def progress(description: str, rows: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is called with the number of rows done since the last call.

    On a terminal, a bar on stderr shows what takes longer than 2 seconds. It is gone at the end.
    """
    start, done, is_shown = time.monotonic(), 0, False

    def advance(count: int) -> None:
        nonlocal done, is_shown
        done += count
        if sys.stderr.isatty() and time.monotonic() - start > _SECONDS:
            is_shown = True
            part = min(1.0, done / rows)
            bar = ("#" * round(_WIDTH * part)).ljust(_WIDTH, ".")
            print(f"\r{description} [{bar}] {part:4.0%}", end="", file=sys.stderr, flush=True)

    try:
        yield advance
    finally:
        if is_shown:  # Erases the line.
            print("\r\033[K", end="", file=sys.stderr, flush=True)
