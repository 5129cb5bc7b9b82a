"""The stopwatch of cells."""
import time

from attacks.schedule.stopwatch import Stopwatch


def test_processor_time_is_divided_among_the_clones_that_are_trained_at_once(monkeypatch):
    monkeypatch.setattr(time, "monotonic", iter([10.0, 13.0]).__next__)
    monkeypatch.setattr(time, "process_time", iter([1.0, 6.0]).__next__)
    assert Stopwatch(clones_at_once=2).read() == {"seconds": 3.0, "cpu_seconds": 2.5}
