"""What a failure of HTTP says about the rows that were sent."""

import datetime
import email.utils
import re
import ssl

import requests
import urllib3

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import RequestFailedError
from attacks.endpoint.failures import speaks_of_connection

_REFUSED = (429, 503)
_IN_DOUBT = (502, 504)
# Of a TLS that never came about: the request was not sent, and no retry helps.
_HANDSHAKE = re.compile(
    r"certificate|hostname|handshake|wrong.version|unsupported|protocol.version", re.IGNORECASE)
_SECONDS = re.compile(r"-?\d+")


def of_status(status: int, retry_after: str | None, said: str) -> Exception:
    """The failure that a status other than 200 stands for.

    Args:
        status: The status.
        retry_after: The header `Retry-After`, or None.
        said: What the server said, without secrets.
    """
    message = f"status {status}: {said}" if said else f"status {status}"
    if status in _IN_DOUBT or status == 503 and speaks_of_connection(said):
        return InDoubtError(message, retry_after_s(retry_after))
    if status in _REFUSED:
        return RefusedError(message, retry_after_s(retry_after))
    if 300 <= status < 400:
        message += "; redirects are not followed"
    return EndpointError(f"The endpoint must answer with status 200. Received: {message}")


def retry_after_s(text: str | None) -> float | None:
    """The seconds to wait that a header `Retry-After` asks for, None if it does not."""
    text = (text or "").strip()
    if _SECONDS.fullmatch(text):
        return max(0.0, float(text))
    try:
        date = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:  # HTTP dates are in GMT, whatever they say.
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds())


def of_exception(error: requests.RequestException, said: str) -> Exception:
    """The failure that an exception of `requests` stands for.

    Args:
        error: The exception.
        said: Its text, without secrets.
    """
    causes = list(_causes(error))
    if isinstance(error, requests.exceptions.SSLError):
        return _of_tls(causes, said)
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)) or any(
            isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes):
        return NotReachedError(said)
    transport = (requests.ConnectionError, requests.Timeout,
                 requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    if isinstance(error, transport):
        return InDoubtError(said)
    return EndpointError(f"The endpoint must take a request. Received: {said}")


def _of_tls(causes, said) -> EndpointError | RequestFailedError:
    is_certificate = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
    if is_certificate or _HANDSHAKE.search(said):
        return EndpointError("The endpoint must show a certificate that is trusted; see "
                             f"--oracle_ca_file. Received: {said}")
    return InDoubtError(said)


def _causes(error):
    """What an exception wraps, outermost first; `urllib3` hides it in `args` and `reason`."""
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
