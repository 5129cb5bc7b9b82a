"""Removes secrets from messages."""

import html
import json
import urllib.parse

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import printable

_LONGEST = 300


class Redaction:
    """Replaces secrets by `***` in text from a server, which may repeat what it was sent.

    Args:
        headers: The headers that are sent, by name.

    Raises:
        EndpointError: If a value is not ASCII, so that neither protocol can send it unchanged.
    """

    def __init__(self, headers: dict[str, str]):
        secrets = set()
        for name, value in headers.items():
            if not value.isascii():
                raise EndpointError(f"The secret of the header {name} must be ASCII. Received: "
                                    "something else")
            secrets.add(value)
            if name.lower() == "authorization":
                secrets.add(value.rpartition(" ")[2])
        forms = {
            form for secret in secrets
            for form in (secret, html.escape(secret), urllib.parse.quote(secret),
                         json.dumps(secret)[1:-1])
        }
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Returns the text in one printable line, without secrets, and only then shortened."""
        for form in self._forms:
            text = text.replace(form, "***")
        return printable(" ".join(text.split()))[:_LONGEST]
