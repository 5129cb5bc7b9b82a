"""SIGTERM ends a process at once or after the work that delays it."""
import os
import signal

import pytest

from models.processes.preemption import Preemption
from models.processes.preemption import TERMINATED


def ask_to_end():
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_ends_at_once_where_nothing_delays_it(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop, Preemption():
        ask_to_end()
        raise AssertionError("this is not reached")
    assert stop.value.code == TERMINATED == 143
    assert capsys.readouterr().err == "terminated\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_it_ends_when_the_last_delay_is_over(capsys):
    reached = []
    with pytest.raises(SystemExit) as stop, Preemption() as preemption, preemption.delayed():
        with preemption.delayed():
            ask_to_end()
            reached.append(preemption.has_come)
        reached.append(True)
    assert stop.value.code == TERMINATED and reached == [True, True]


def test_delaying_work_may_end_the_process_with_a_message(capsys):
    with pytest.raises(SystemExit), Preemption() as preemption, preemption.delayed():
        preemption.end("all is kept")
    assert capsys.readouterr().err == "all is kept\n"


def test_other_ends_are_left_alone(capsys):
    with pytest.raises(SystemExit, match="3"), Preemption():
        raise SystemExit(3)
    assert not capsys.readouterr().err
