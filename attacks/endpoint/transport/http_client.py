"""A client for JSON over HTTP that sends each request once and limits the time of its answer."""

import contextlib
import http.cookiejar
import json
import threading
import time
from typing import Any

import requests
import requests.adapters
import requests.auth

from attacks.endpoint.config import CONNECT_TIMEOUT_S
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.transport import http_failures
from attacks.endpoint.transport.redaction import Redaction


class HttpClient:
    """A client for JSON over HTTP, used by several threads at a time.

    Args:
        config: The secrets, the certificates that TLS trusts, and the time that an answer may take.

    Raises:
        EndpointError: If a secret cannot be sent.
        ValueError: If a secret cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        headers = config.secret_headers()
        self._redact = Redaction(headers)
        self._timeout_s = config.timeout_s
        self._retried = config.retry.statuses
        self._verify = config.ca_file or True
        self._session = requests.Session()
        self._session.auth = _Headers(headers)
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=config.concurrency + 1)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def get(self, url: str) -> Any:
        """Returns the JSON at a URL; see `post`."""
        return self._exchange("GET", url)

    def post(self, url: str, request: bytes) -> Any:
        """Sends JSON.

        Returns:
            The JSON of the answer. Bytes that are not UTF-8 become surrogates.

        Raises:
            RefusedError, InDoubtError: If the request may be sent again.
            EndpointError: If that would not help.
        """
        return self._exchange("POST", url, request)

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()

    def _exchange(self, method, url, body=None):
        try:
            response, content = self._send(method, url, body)
        except requests.RequestException as error:
            details = f"{type(error).__name__}: {self._redact(str(error))}"
            raise http_failures.of_exception(error, details) from None
        text = content.decode("utf-8", "surrogateescape")
        if response.status_code != 200:
            raise http_failures.of_status(response.status_code, response.headers.get("Retry-After"),
                                          self._redact(_message(text)), self._retried)
        try:
            return json.loads(text)  # With NaN and Infinity, as the server writes them.
        except (ValueError, RecursionError):
            raise http_failures.of_body(text, self._redact(text)) from None

    def _send(self, method, url, body):
        deadline = time.monotonic() + self._timeout_s
        timeout = (min(CONNECT_TIMEOUT_S, self._timeout_s), self._timeout_s)
        with self._session.request(method,
                                   url,
                                   data=body,
                                   headers={"Content-Type": "application/json"} if body else None,
                                   timeout=timeout,
                                   verify=self._verify,
                                   allow_redirects=False,
                                   stream=True) as response:
            # The time-outs are per piece, so that an answer in many pieces could take for ever.
            watch = threading.Timer(max(0.0, deadline - time.monotonic()), _end, [response])
            watch.daemon = True
            watch.start()
            try:
                content = response.content
            except requests.RequestException:
                self._check(deadline)
                raise
            finally:
                watch.cancel()
            self._check(deadline)
            return response, content

    def _check(self, deadline):
        if time.monotonic() >= deadline:
            raise InDoubtError(f"the answer took longer than {self._timeout_s:g} s")


class _Headers(requests.auth.AuthBase):
    """Sets headers last, so that neither ~/.netrc nor the environment can change them."""

    def __init__(self, headers):
        self._headers = headers

    def __call__(self, request):
        request.headers.update(self._headers)
        return request


def _end(response):
    """Ends the connection of an answer that takes too long; does nothing if it is complete."""
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        response.raw.shutdown()


def _message(text):
    """Returns the message in the body of an error."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = content.get("error") if isinstance(content, dict) else None
    return message if isinstance(message, str) else text
