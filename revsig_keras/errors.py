"""Errors of the library, and errors as messages."""
from collections.abc import Iterator, Mapping
import contextlib
import re


class SavedModelError(RuntimeError):
    """A SavedModel cannot be loaded, called or written."""


def first_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]


def cause_line(error: BaseException) -> str:
    """The type of an error and the line of its message that names the cause.

    It is the first one, but Keras and TensorFlow surround it with where the code is.
    """
    text = re.sub(r"\x1b\[\d+m", "", str(error)).partition("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if "Exception encountered when calling" not in line] or [""]
    return f"{type(error).__name__}: {lines[-1 if lines[0] == 'in user code:' else 0]}"


@contextlib.contextmanager
def renaming(names: Mapping[str, str]) -> Iterator[None]:
    """Gives arguments other names in a `ValueError` whose message begins with one of them.

    So "`steps` must be at least 1" becomes "`--clone_steps` must be at least 1", where an argument
    comes from the command line. Names between backticks are replaced throughout such a message.

    Args:
        names: The new names by the old ones.
    """
    try:
        yield
    except ValueError as error:
        first = re.match(r"`(\w+)`", str(error))
        if first is None or names.get(first[1], first[1]) == first[1]:
            raise
        text = re.sub(r"`(\w+)`", lambda found: f"`{names.get(found[1], found[1])}`", str(error))
        raise ValueError(text) from error
