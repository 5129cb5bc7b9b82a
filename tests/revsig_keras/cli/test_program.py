"""What bad input gets from a program."""
import ast
import pathlib
import re

from absl import logging
import pytest

from revsig_keras.cli import program
from revsig_keras.errors import first_line
from revsig_keras.errors import SavedModelError


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


@pytest.mark.parametrize(
    "error", [ValueError("bad input"),
              OSError("bad input"),
              SavedModelError("bad input")])
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


@pytest.mark.parametrize("message, told", [
    ("`model` must be a file", "--model must be a file"),
    ("name it in `allow_outputs`", "name it in --allow_output"),
    ("use `defence=top_k:k=2`", "use --defence=top_k:k=2"),
    ("use `ReverseSigmoid(beta=1)`, or `beta=1`", "use `ReverseSigmoid(beta=1)`, or `beta=1`"),
    ("no argument: model", "no argument: model"),
    ("Invalid defence 'x:model=0': `model` is", "Invalid defence 'x:model=0': `model` is"),
])
def test_a_message_names_flags_instead_of_arguments(message, told):
    flag_of = {"model": "model", "defence": "defence", "allow_outputs": "allow_output"}
    with pytest.raises(SystemExit) as exit_info:
        program.guarded(fail(ValueError(message)), flag_of=flag_of)
    assert exit_info.value.code == f"error: {told}"


def texts(path):
    """The string literals of a module, without docstrings."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.value


def test_the_library_names_no_flag():
    """Only programs do."""
    package = pathlib.Path(program.__file__).parents[1]
    programs = {
        package / name for name in ("__main__.py", "inspect.py", "tune.py", "export/__main__.py")
    }
    for path in set(package.rglob("*.py")) - programs - set((package / "cli").glob("*.py")):
        assert not [text for text in texts(path) if re.search(r"(^|\W)--\w", text)], path


def test_the_first_line_of_an_error():
    assert first_line(ValueError("one\ntwo")) == "ValueError: one"
