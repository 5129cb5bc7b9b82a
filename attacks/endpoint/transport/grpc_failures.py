"""The meaning of gRPC failures for the rows that were sent."""

from collections.abc import Collection
import re

from attacks.endpoint.failures import CLOSED_EARLY
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import mentions_client_certificate
from attacks.endpoint.failures import mentions_connection
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import WaitError
from attacks.endpoint.settings.meanings import Meaning

_NOT_REACHED = re.compile(r"failed to connect|name resolution|dns resolution", re.IGNORECASE)
# The connection ended before the server's first message; so arrive alerts of TLS 1.3, unnamed.
_CLOSED_EARLY = re.compile(r"closed|reset|unwrap failed", re.IGNORECASE)
_TLS = re.compile(r"certificate|peer name|handshake|wrong_version", re.IGNORECASE)
# The status 502 or 504 of a gateway, as gRPC reports it.
_GATEWAY = re.compile(r"status: 50[24]")
# An answer that arrived incomplete.
_BROKEN = re.compile(r"exception deserializing response|rst_stream|stream removed", re.IGNORECASE)
# The HTTP status of a code, as google.rpc.Code documents it.
_STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
}
_DENIED = ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "UNIMPLEMENTED")
_NOT_OFFERED = ("PERMISSION_DENIED", "UNIMPLEMENTED")
_TOO_LARGE = re.compile(r"larger than max", re.IGNORECASE)


def of(code: str, details: str, retried: Collection[int] = ()) -> Exception:
    """Returns the failure that a status code means.

    Args:
        code: The name of the code, such as `UNAVAILABLE`.
        details: Its details, without secrets.
        retried: HTTP statuses; after a code that stands for one of them a request may be sent
            again, although the model may have run.
    """
    message = f"{code}: {details}"
    if code == "RESOURCE_EXHAUSTED" and not _TOO_LARGE.search(details):
        return RefusedError(message)
    if code == "UNAVAILABLE":
        return _of_unavailable(details, message)
    if code in ("DEADLINE_EXCEEDED", "CANCELLED") or _STATUSES.get(code) in retried:
        return InDoubtError(message)
    if code in ("INTERNAL", "UNKNOWN") and _BROKEN.search(details):
        return InDoubtError(message)
    if _TOO_LARGE.search(details):
        return EndpointError("`rows_per_request` must be small enough for the messages that the "
                             f"endpoint takes. Received: {message}")
    kind = DeniedError if code in _DENIED else EndpointError
    return (NotOfferedError if code in _NOT_OFFERED else
            kind)(f"The endpoint must answer with OK. Received: {message}")


def of_meaning(meaning: Meaning, code: str, details: str) -> Exception:
    """Returns the failure that the auditor says a code or its details mean."""
    message = f"{code}: {details}"
    if meaning is Meaning.STOP:
        return EndpointError("The endpoint must answer with none of the codes and texts of `stop`. "
                             f"Received: {message}")
    return WaitError(message) if meaning is Meaning.WAIT else RefusedError(message)


def _of_unavailable(details, message):
    if mentions_client_certificate(details):
        return DeniedError("`client_cert` must be a certificate that the endpoint accepts. "
                           f"Received: {message}")
    if _NOT_REACHED.search(details):
        if _TLS.search(details):
            return EndpointError("`ca_file`, or the system, must trust the endpoint's certificate. "
                                 f"Received: {message}")
        is_closed = _CLOSED_EARLY.search(details)
        return NotReachedError(f"{message} {CLOSED_EARLY}" if is_closed else message)
    if mentions_connection(details) or _GATEWAY.search(details):
        return InDoubtError(message)
    return RefusedError(message)
