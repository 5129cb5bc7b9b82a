"""Removes secrets from messages."""

from collections.abc import Iterable
import html
import json
import logging
import urllib.parse

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import printable

_LONGEST = 300


class Redaction:
    """Replaces secrets by `***` in text from a server, which may repeat what it was sent.

    Args:
        headers: The headers that are sent, by name.
        others: The secrets that are sent elsewhere. Defaults to none.

    Raises:
        EndpointError: If a header is not ASCII, so that neither protocol can send it unchanged.
    """

    def __init__(self, headers: dict[str, str], others: Iterable[str] = ()):
        secrets = set(others)
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
                         urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret),
                         json.dumps(secret)[1:-1])
        }
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Returns the text in one printable line, shortened once the secrets are removed."""
        return printable(" ".join(self._without(text).split()))[:_LONGEST]

    def finds_secrets(self, text: str) -> bool:
        """Whether there is a secret in the text."""
        return self._without(text) != text

    def record(self, record: logging.LogRecord) -> bool:
        """Filters a log: removes the secrets from a record."""
        record.msg, record.args = self._without(record.getMessage()), ()
        return True

    def _without(self, text):
        for form in self._forms:
            text = text.replace(form, "***")
        return text
