"""What bad input gets from a program."""
from absl import logging
import pytest

from revsig_keras.cli import program
from revsig_keras.errors import first_line


def fail(error):

    def main():
        raise error

    return main


@pytest.fixture(autouse=True)
def _usual_verbosity():
    before = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    yield
    logging.set_verbosity(before)


@pytest.mark.parametrize("error", [ValueError("bad input"), OSError("bad input")])
def test_bad_input_is_one_line(error):
    with pytest.raises(SystemExit) as exit_info:
        program.guarded(fail(error))
    assert exit_info.value.code == "error: bad input"  # Python prints it and exits with status 1.


def test_traceback_on_request():
    logging.set_verbosity(logging.DEBUG)
    with pytest.raises(ValueError, match="bad input"):
        program.guarded(fail(ValueError("bad input")))


def test_a_defect_is_not_hidden():
    with pytest.raises(TypeError, match="a defect"):
        program.guarded(fail(TypeError("a defect")))


def test_interruption():
    with pytest.raises(SystemExit) as exit_info:
        program.guarded(fail(KeyboardInterrupt()))
    assert exit_info.value.code == 130


def test_arguments():
    received = []
    program.guarded(received.append, ["DIR"], ["there"])
    assert received == ["there"]
    with pytest.raises(SystemExit, match=r"1 arguments are expected \(DIR\). Received: none"):
        program.guarded(received.append, ["DIR"], [])


def test_the_first_line_of_an_error():
    assert first_line(ValueError("one\ntwo")) == "ValueError: one"
