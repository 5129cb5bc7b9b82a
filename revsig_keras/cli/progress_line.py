"""A line on a terminal that tells what a program does."""
from collections.abc import Callable, Iterator
import contextlib
import sys
import threading

# Nothing is shown of what ends sooner.
_SECONDS = 2.0


@contextlib.contextmanager
def progress_line(seconds: float = _SECONDS) -> Iterator[Callable[[str], None]]:
    """Gives a function that is called with what begins, such as "Writing the model".

    On a terminal, the last of them is shown on stderr once `seconds` have passed. It is gone at the
    end.
    """
    lock, ended = threading.Lock(), threading.Event()
    current, is_shown = "", False

    def show() -> None:
        # The next text on the terminal, such as a warning, begins where the line does.
        print(f"\r\033[K{current}", end="\r", file=sys.stderr, flush=True)

    def begin(text: str) -> None:
        nonlocal current
        with lock:
            current = f"{text} ..."
            if is_shown:
                show()

    def wait() -> None:
        nonlocal is_shown
        if not ended.wait(seconds):
            with lock:
                is_shown = True
                show()

    if not sys.stderr.isatty():
        yield begin
        return
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield begin
    finally:
        ended.set()
        thread.join()
        if is_shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
