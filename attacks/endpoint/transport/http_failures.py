"""The meaning of HTTP failures for the rows that were sent."""

from collections.abc import Collection
import datetime
import email.utils
import re
import ssl

import requests
import urllib3

from attacks.endpoint.failures import CLOSED_EARLY
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import mentions_client_certificate
from attacks.endpoint.failures import mentions_connection
from attacks.endpoint.failures import NotOfferedError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.failures import WAIT_S
from attacks.endpoint.failures import WaitError
from attacks.endpoint.settings.meanings import Meaning

# Some services answer a POST with 201, Created.
ANSWERED = (200, 201)
_REFUSED = (429, 503)
_IN_DOUBT = (502, 504)
# The request did not reach a model: its client, path, method, form or size was not accepted.
_DENIED = (401, 402, 403, 404, 405, 407, 410, 411, 413, 414, 415, 421, 426, 431, 451)
# Nothing is there, for this method, or for this client.
_NOT_OFFERED = (403, 404, 405, 410, 501)
# A TLS connection that was never made: the request was not sent, and no retry helps.
_HANDSHAKE = re.compile(
    r"certificate|hostname|handshake|wrong.version|unsupported|protocol.version", re.IGNORECASE)
_SECONDS = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_LONGEST_S = 365 * 86400.0


def of_status(status: int, retry_after: str | None, details: str,
              retried: Collection[int] = ()) -> Exception:
    """Returns the failure that a status other than `ANSWERED` means.

    Args:
        status: The status.
        retry_after: The header `Retry-After`, or None.
        details: The server's message, without secrets.
        retried: Further statuses after which a request may be sent again, although the model may
            have run.
    """
    message = f"status {status}: {details}" if details else f"status {status}"
    if status in (*_IN_DOUBT, *retried) or status == 503 and mentions_connection(details):
        return InDoubtError(message, retry_after_s(retry_after))
    if status in _REFUSED:
        return RefusedError(message, retry_after_s(retry_after))
    if 300 <= status < 400:
        message += "; redirects are not followed unless `follow_redirects` asks for it"
    kind = DeniedError if status in _DENIED or 300 <= status < 400 else EndpointError
    return (NotOfferedError if status in _NOT_OFFERED else
            kind)(f"The endpoint must answer with status 200 or 201. Received: {message}")


def of_meaning(meaning: Meaning, status: int, retry_after: str | None, details: str) -> Exception:
    """Returns the failure that the auditor says an answer means; see `of_status`."""
    message = f"status {status}: {details}"
    if meaning is Meaning.STOP:
        return EndpointError("The endpoint must answer with none of the statuses and texts of "
                             f"`stop`. Received: {message}")
    seconds = retry_after_s(retry_after)
    if meaning is Meaning.WAIT:
        return WaitError(message, seconds or WAIT_S)
    return RefusedError(message, seconds)


def of_body(text: str, details: str) -> Exception:
    """Returns the failure that a body other than JSON means, with a status of `ANSWERED`.

    Args:
        text: The body.
        details: Its text, without secrets.
    """
    text = text.strip()
    if text.startswith("<"):
        return DeniedError("The endpoint must answer with JSON. Received: a page, such as that of "
                           f"a login or of another service: {details}")
    if text and (not text.startswith(("{", "[")) or text.endswith(("}", "]"))):
        return EndpointError(f"The endpoint must answer with JSON. Received: {details}")
    return InDoubtError(f"an answer that is not complete JSON: {details or 'nothing'}")


def retry_after_s(text: str | None) -> float | None:
    """Returns the seconds that a header `Retry-After` asks to wait, or None.

    They are finite and at least 0; text that is neither a number nor a date asks for nothing.
    """
    text = (text or "").strip()
    if _SECONDS.fullmatch(text):
        return min(max(0.0, float(text)), _LONGEST_S)
    try:
        date = email.utils.parsedate_to_datetime(text)
        if date.tzinfo is None:  # HTTP dates are in GMT.
            date = date.replace(tzinfo=datetime.timezone.utc)
        wait_s = (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait_s), _LONGEST_S)


def of_exception(error: requests.RequestException, details: str) -> Exception:
    """Returns the failure that an exception of `requests` means.

    Args:
        error: The exception.
        details: Its text, without secrets.
    """
    causes = list(_causes(error))
    if any(
            isinstance(cause, ssl.SSLError) and mentions_client_certificate(str(cause))
            for cause in causes):
        return DeniedError("`client_cert` must be a certificate that the endpoint accepts. "
                           f"Received: {details}")
    if isinstance(error, requests.exceptions.SSLError):
        return _of_tls(causes, details)
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)) or any(
            isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return NotReachedError(details)
    transport = (requests.ConnectionError, requests.Timeout,
                 requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, transport):
        return InDoubtError(details)
    return EndpointError(f"The endpoint must take a request. Received: {details}")


def _of_tls(causes, details) -> EndpointError | RequestFailedError:
    is_certificate = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
    if is_certificate or _HANDSHAKE.search(details):
        return EndpointError("`ca_file`, or the system, must trust the endpoint's certificate. "
                             f"Received: {details}")
    return InDoubtError(f"{details} {CLOSED_EARLY}")


def _causes(error):
    """An exception and all that it wraps, outermost first; `urllib3` hides some in `args`."""
    seen, waiting = [], [error]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseException) and not any(error is other for other in seen):
            seen.append(error)
            waiting += [
                *error.args,
                getattr(error, "reason", None), error.__cause__, error.__context__
            ]
    return seen
