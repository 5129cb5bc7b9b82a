"""Results of functions that are made once in a process, and used by all its threads."""

from collections.abc import Callable
import functools
import threading


def remembered(maxsize: int | None) -> Callable[[Callable], Callable]:
    """`functools.lru_cache`, by which threads that ask for one thing at one time wait for the first
    to make it, instead of each making it."""

    def decorate(function):
        cached, lock = functools.lru_cache(maxsize)(function), threading.RLock()

        @functools.wraps(function)
        def call(*arguments):
            with lock:
                return cached(*arguments)

        return call

    return decorate
