"""The line that tells what a program does, on a terminal and where it takes a while."""
import io
import sys
import time

import pytest

from revsig_keras.cli.progress_line import progress_line


class Terminal(io.StringIO):

    def isatty(self):
        return True


def shown(monkeypatch, stream, seconds, steps):
    monkeypatch.setattr(sys, "stderr", stream)
    with progress_line(seconds) as begin:
        for step, pause in steps:
            begin(step)
            time.sleep(pause)
    return stream.getvalue()


def test_it_is_shown_once_it_takes_long_and_is_gone_at_the_end(monkeypatch):
    text = shown(monkeypatch, Terminal(), 0.05, [("One", 0), ("Two", 0.5), ("Three", 0)])
    assert text == "\r\033[KTwo ...\r\r\033[KThree ...\r\r\033[K"


@pytest.mark.parametrize("stream, seconds", [(Terminal(), 60), (io.StringIO(), 0)])
def test_nothing_is_shown_of_what_is_fast_or_not_on_a_terminal(stream, seconds, monkeypatch):
    assert shown(monkeypatch, stream, seconds, [("One", 0.02)]) == ""


def test_it_is_gone_after_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(ValueError):
        with progress_line(0) as begin:
            begin("One")
            time.sleep(0.2)
            raise ValueError
    assert sys.stderr.getvalue().endswith("\r\033[K")
