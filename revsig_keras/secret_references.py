"""References to secrets: what a member has in place of a secret.

`env/NAME` refers to the value of an environment variable, `file/PATH` to the content of a file.
"""
import os
import pathlib
import re

_REFERENCE = re.compile(r"(env|file)/.+")


def is_reference(text: str) -> bool:
    """Whether a text refers to a secret."""
    return bool(_REFERENCE.fullmatch(text))


def read_secret(reference: str) -> str:
    """Returns the secret that a reference refers to.

    Raises:
        ValueError: If there is none.
    """
    source, name = reference.split("/", 1)
    try:
        return os.environ[name] if source == "env" else pathlib.Path(name).read_text().strip()
    except (KeyError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The secret {reference!r} cannot be read: "
                         f"{type(error).__name__}") from None
