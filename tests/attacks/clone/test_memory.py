"""The memory of a run: each value made once, within a bound."""
from concurrent import futures
import threading
import types

import pytest

from attacks.clone.memory import Memory


def value(nbytes=1):
    return types.SimpleNamespace(nbytes=nbytes)


def test_a_value_is_made_once():
    memory = Memory()
    first = memory.recall("key", value)
    assert memory.recall("key", None) is first and "key" in memory
    assert memory.recall("other", value) is not first


def test_the_values_that_were_not_used_for_longest_are_dropped():
    memory = Memory(limit_bytes=3)
    for key in "abcabd":
        memory.recall(key, value)
    assert [key for key in "abcd" if key in memory] == ["a", "b", "d"]


def test_the_last_value_is_kept_whatever_its_size():
    memory = Memory(limit_bytes=3)
    memory.recall("small", value)
    memory.recall("large", lambda: value(100))
    assert "large" in memory and "small" not in memory


def test_threads_wait_for_the_first_to_make_a_value():
    memory, started, go_on, made = Memory(), threading.Event(), threading.Event(), []

    def make():
        started.set()
        assert go_on.wait(timeout=20)
        made.append(value())
        return made[-1]

    with futures.ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(memory.recall, "key", make) for _ in range(3)]
        assert started.wait(timeout=20)
        assert memory.recall("other", value)  # Another value is not waited for.
        go_on.set()
    assert len(made) == 1 and {id(each.result()) for each in waiting} == {id(made[0])}


def test_what_failed_is_tried_again():
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.recall("key", lambda: 1 / 0)
    assert "key" not in memory and memory.recall("key", value)
