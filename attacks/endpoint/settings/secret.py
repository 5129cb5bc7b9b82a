"""Secrets, which come from the environment or a file, and appear nowhere else."""

from collections.abc import Sequence
import dataclasses
import os
import pathlib

# For the help of options.
WHERE = "env:NAME (an environment variable) or file:PATH, never the secret itself"


@dataclasses.dataclass(frozen=True)
class Secret:
    """The source of a secret: `env:NAME`, an environment variable, or `file:PATH`."""
    source: str

    def __post_init__(self):
        kind, _, where = self.source.partition(":")
        if kind not in ("env", "file") or not where:
            # The text may be the secret itself, so the message does not repeat it.
            raise ValueError("A secret must be given as env:NAME, an environment variable, or as "
                             "file:PATH, so that no list of processes shows it. Received: "
                             "something else")

    def read(self) -> str:
        """Returns the secret.

        Raises:
            ValueError: If it cannot be read, is empty, or has more than one line.
        """
        kind, _, where = self.source.partition(":")
        try:
            text = os.environ[where] if kind == "env" else pathlib.Path(
                where).expanduser().read_text()
        except (KeyError, OSError, RuntimeError, UnicodeDecodeError) as error:
            raise ValueError(f"The secret {self.source} must be readable. Received: "
                             f"{type(error).__name__}") from None
        text = text.strip()
        if not text.isprintable() or not text:
            raise ValueError(f"The secret {self.source} must be one line of printable characters. "
                             "Received: something else")
        return text


def parse_secrets(name: str, texts: Sequence[str]) -> dict[str, Secret]:
    """Makes secrets by name of texts such as `X-Api-Key=env:API_KEY`.

    Args:
        name: The name of the argument, for messages.
        texts: NAME=WHERE each.

    Raises:
        ValueError: If a text has another form. The message does not repeat it.
    """
    secrets = {}
    for text in texts:
        key, equals, where = text.partition("=")
        if not equals:
            raise ValueError(f"`{name}` must be NAME=env:VARIABLE or NAME=file:PATH each. "
                             "Received: something else")
        if key.lower() in map(str.lower, secrets):
            raise ValueError(f"`{name}` must have one value for each name, in capitals or not. "
                             f"Received: {key!r} twice")
        secrets[key] = Secret(where)
    return secrets
