"""The meaning of HTTP failures for the rows that were sent."""

import datetime
import email.utils
import re
import ssl

import requests
import urllib3

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import mentions_connection
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError

_REFUSED = (429, 503)
_IN_DOUBT = (502, 504)
# A TLS connection that was never made: the request was not sent, and no retry helps.
_HANDSHAKE = re.compile(
    r"certificate|hostname|handshake|wrong.version|unsupported|protocol.version", re.IGNORECASE)
_SECONDS = re.compile(r"-?\d+")


def of_status(status: int, retry_after: str | None, details: str) -> Exception:
    """Returns the failure that a status other than 200 means.

    Args:
        status: The status.
        retry_after: The header `Retry-After`, or None.
        details: The server's message, without secrets.
    """
    message = f"status {status}: {details}" if details else f"status {status}"
    if status in _IN_DOUBT or status == 503 and mentions_connection(details):
        return InDoubtError(message, retry_after_s(retry_after))
    if status in _REFUSED:
        return RefusedError(message, retry_after_s(retry_after))
    if 300 <= status < 400:
        message += "; redirects are not followed"
    return EndpointError(f"The endpoint must answer with status 200. Received: {message}")


def retry_after_s(text: str | None) -> float | None:
    """Returns the seconds that a header `Retry-After` asks to wait, or None."""
    text = (text or "").strip()
    if _SECONDS.fullmatch(text):
        return max(0.0, float(text))
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:  # HTTP dates are in GMT.
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def of_exception(error: requests.RequestException, details: str) -> Exception:
    """Returns the failure that an exception of `requests` means.

    Args:
        error: The exception.
        details: Its text, without secrets.
    """
    causes = list(_causes(error))
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
    return InDoubtError(details)


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
