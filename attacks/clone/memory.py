"""A bounded memory for results that take long to compute."""

import collections
from collections.abc import Callable, Hashable
from concurrent import futures
import threading
from typing import Protocol, TypeVar


class Sized(Protocol):
    """A value that tells how much memory it takes."""
    nbytes: int


Value = TypeVar("Value", bound=Sized)


class Memory:
    """Keeps values by key and drops the least recently used ones.

    Threads that ask for the same value at the same time wait for the first of them to make it.

    Args:
        limit_bytes: The sum of the values' `nbytes` above which values are dropped. The last value
            is kept whatever its size. Defaults to 1 GiB.
    """

    def __init__(self, limit_bytes: int = 2**30):
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._values: collections.OrderedDict[Hashable, futures.Future] = collections.OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def recall(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Returns the value of a key; `make` is called if there is none."""
        with self._lock:
            is_missing = key not in self._values
            value = self._values.setdefault(key, futures.Future())
            self._values.move_to_end(key)
        if is_missing:
            try:
                value.set_result(make())
            except BaseException as error:
                self._drop(key)
                value.set_exception(error)
                raise
            self._drop_oldest()
        return value.result()

    def _drop(self, key):
        with self._lock:
            self._values.pop(key, None)

    def _drop_oldest(self):
        with self._lock:
            sizes = {
                key: value.result().nbytes for key, value in self._values.items() if value.done()
            }
            total = sum(sizes.values())
            for key in list(sizes)[:-1]:
                if total <= self._limit_bytes:
                    break
                total -= sizes[key]
                del self._values[key]
