"""Errors of the library, and errors as messages."""


class SavedModelError(RuntimeError):
    """A SavedModel cannot be loaded, called or written."""


def first_line(error: BaseException) -> str:
    """The type of an error and the first line of its message."""
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
