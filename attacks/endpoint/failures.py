"""The ways in which a request can fail."""

import re

# The wait that a server asks for without saying how long.
WAIT_S = 30.0
_LINK = r"\b(connections?|streams?|sockets?|transport|channel|pipe|peer|remote|upstream|backend)\b"
_ENDED = r"(\breset\b|\bclos(ed|ing)\b|\bbroken\b|terminat)"
# That a quota resets, or a server is closed or terminating, says nothing of a connection.
_CONNECTION = re.compile(
    rf"{_LINK}[^.,;]{{0,40}}{_ENDED}|{_ENDED}[^.,;]{{0,40}}{_LINK}"
    r"|disconnect|goaway|rst_stream|abort|time[d-]? ?out|\beof\b", re.IGNORECASE)
# Alerts of a TLS server about the certificate of its client.
_CLIENT = re.compile(
    r"alert.{0,30}certificate|certificate.required|alert.(handshake.failure|unknown.ca"
    r"|access.denied|decrypt.error)", re.IGNORECASE)
# The remedy where a server closes the connection instead of sending an alert, or the alert is lost.
CLOSED_EARLY = "(a server that closes a new connection may require TLS, or another `client_cert`)"


def printable(text: str) -> str:
    """Returns text from a server with its control characters escaped, for a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode()
        for each in text)


def sentence(text: object) -> str:
    """Returns the text with a full stop, unless it ends like a sentence."""
    return text if (text := str(text)).endswith((".", "?", "!")) else f"{text}."


class EndpointError(ValueError):
    """The endpoint cannot be used in this way; asking again would not help.

    Args:
        message: What was expected and what was received. Control characters are escaped.
    """

    def __init__(self, message: str):
        super().__init__(printable(message))


class DeniedError(EndpointError):
    """The endpoint cannot be used in this way, and the model did not run."""


class NotOfferedError(DeniedError):
    """The endpoint does not offer what was asked for: nothing is there, or not for this client."""


class RequestFailedError(Exception):
    """A request failed, and may be sent again.

    Args:
        message: What happened, or the server's message. Control characters are escaped.

    Attributes:
        retry_after_s: Seconds that the server asks to wait, or None.
    """

    def __init__(self, message: str, retry_after_s: float | None = None):
        super().__init__(printable(message))
        self.retry_after_s = retry_after_s


class RefusedError(RequestFailedError):
    """The model did not run: the server refused the request, or could not be reached."""


class WaitError(RefusedError):
    """The model did not run, and no request is to be sent for some time.

    Args:
        message: What happened.
        retry_after_s: The seconds to wait. Defaults to 30.
    """

    def __init__(self, message: str, retry_after_s: float = WAIT_S):
        super().__init__(message, retry_after_s)


class NotReachedError(RefusedError):
    """No connection was made."""


class InDoubtError(RequestFailedError):
    """The model may have run: the connection ended, or the answer was late or incomplete."""


def mentions_connection(text: str) -> bool:
    """Whether a refusal mentions a connection that ended: a gateway may have sent the rows on."""
    return _CONNECTION.search(text) is not None


def mentions_client_certificate(text: str) -> bool:
    """Whether a server wants another certificate of the client, or one at all."""
    return _CLIENT.search(text) is not None
