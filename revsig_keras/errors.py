"""Errors as messages."""


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
