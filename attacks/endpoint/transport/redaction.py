"""Takes secrets out of what is shown."""

import html
import json
import urllib.parse

from attacks.endpoint.failures import EndpointError

_LONGEST = 300


class Redaction:
    """Replaces secrets by `***`, where a server repeats what it was sent.

    Args:
        headers: Those that are sent, by name.

    Raises:
        EndpointError: If a value is not ASCII, which neither protocol can send as it is.
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
        """The text without secrets, shortened after they were taken out, in one line."""
        for form in self._forms:
            text = text.replace(form, "***")
        return " ".join(text.split())[:_LONGEST]
