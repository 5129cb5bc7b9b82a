"""A client for JSON over HTTP that sends each request once and limits the time of its answer."""

from collections.abc import Mapping
import http.cookiejar
import json
import logging
import time
from typing import Any

import requests
import requests.auth

from attacks.endpoint.config import CONNECT_TIMEOUT_S
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.settings.connection import check_trusted
from attacks.endpoint.transport import http_failures
from attacks.endpoint.transport.bounded_adapter import BoundedAdapter
from attacks.endpoint.transport.bounded_adapter import limited
from attacks.endpoint.transport.redaction import Redaction
from attacks.endpoint.transport.redirects import MOST
from attacks.endpoint.transport.redirects import Place
from attacks.endpoint.transport.unix_socket import UnixSocketAdapter

_JSON = {"Content-Type": "application/json"}
# It logs the path and the query of each request at the level DEBUG.
_POOL_LOG = logging.getLogger("urllib3.connectionpool")


class HttpClient:
    """A client for JSON over HTTP, used by several threads at a time.

    Args:
        config: The address, the secrets, the certificates, what failures mean, and the time that an
            answer may take.

    Attributes:
        redact: Removes the secrets from text of the server.

    Raises:
        EndpointError: If a secret cannot be sent.
        ValueError: If a secret or the certificates to trust cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        check_trusted(config.ca_file)
        headers, self._query = config.secret_headers(), config.connection.secret_query()
        in_body = config.json.secret_strings().values()
        self._has_secret_body = bool(in_body)
        self.redact = Redaction(headers, [*self._query.values(), *in_body])
        self._auth = _Headers(headers)
        self._timeout_s = config.timeout_s
        self._retried, self._meanings = config.retry.statuses, config.meanings
        self._verify = config.ca_file or True
        self._follows_redirects = config.connection.follow_redirects
        self._session = _session(config)
        if self._query:
            _POOL_LOG.addFilter(self.redact.record)

    def get(self, url: str) -> Any:
        """Returns the JSON at a URL; see `post`."""
        return self.read(self.exchange("GET", url)[1])

    def post(self, url: str, request: bytes) -> Any:
        """Sends JSON.

        Returns:
            The JSON of the answer. Bytes that are not UTF-8 become surrogates.

        Raises:
            RefusedError, InDoubtError: If the request may be sent again.
            EndpointError: If that would not help.
        """
        return self.read(self.exchange("POST", url, request)[1])

    def exchange(self,
                 method: str,
                 url: str,
                 body: bytes | None = None,
                 headers: Mapping[str, str] | None = None) -> tuple[Mapping[str, str], bytes]:
        """Sends bytes with headers; returns the headers and the bytes of the answer; see `post`."""
        response, content = self._follow(method, url, body, {**_JSON, **(headers or {})})
        text = _text(content)
        status, retry_after = response.status_code, response.headers.get("Retry-After")
        meaning = self._meanings.of(status, text)
        if meaning is not None:
            raise http_failures.of_meaning(meaning, status, retry_after,
                                           self.redact(_message(text)))
        if status not in http_failures.ANSWERED:
            raise http_failures.of_status(status, retry_after, self.redact(_message(text)),
                                          self._retried)
        return response.headers, content

    def refuse_error(self, answer: Any) -> None:
        """Raises `EndpointError` if JSON with status 200 is an object with an error."""
        if isinstance(answer, dict) and answer.get("error"):
            raise EndpointError("The endpoint must answer without an error (`refused`, `wait` and "
                                "`stop` say what it means). Received: status 200: "
                                f"{self.redact(_message(json.dumps(answer)))}")

    def close(self) -> None:
        """Ends the connections."""
        self._session.close()
        _POOL_LOG.removeFilter(self.redact.record)

    def read(self, content: bytes) -> Any:
        """Reads JSON; bytes that are not UTF-8 become surrogates; raises as `post`."""
        text = _text(content)
        try:
            return json.loads(text)  # With NaN and Infinity, as the server writes them.
        except (ValueError, RecursionError):
            raise http_failures.of_body(text, self.redact(text)) from None

    def _follow(self, method, url, body, headers):
        """Sends a request, and follows redirects if the auditor wants it."""
        place = Place(url)
        for _ in range(1 + MOST):
            try:
                response, content = self._send(method, place, body, headers if body else None)
            except requests.RequestException as error:
                details = f"{type(error).__name__}: {self.redact(str(error))}"
                raise http_failures.of_exception(error, details) from None
            if not (self._follows_redirects and response.is_redirect):
                return response, content
            place = place.redirected(response.status_code, response.headers["Location"],
                                     self._query)
            if self._has_secret_body and not place.is_trusted:
                raise DeniedError("The endpoint must not redirect a request that has a secret to "
                                  f"another host. Received: status {response.status_code} to one")
        raise DeniedError(f"The endpoint must redirect at most {MOST} times. Received: more")

    def _send(self, method, place, body, headers):
        deadline = time.monotonic() + self._timeout_s
        timeout = (min(CONNECT_TIMEOUT_S, self._timeout_s), self._timeout_s)
        with self._session.request(method,
                                   place.url,
                                   params=self._query if place.is_trusted else None,
                                   data=body,
                                   headers=headers,
                                   auth=self._auth if place.is_trusted else _Headers({}),
                                   timeout=timeout,
                                   verify=self._verify,
                                   allow_redirects=False,
                                   stream=True) as response:
            # The time-outs are per piece, so that a body in many pieces could take for ever.
            try:
                with limited(max(0.0, deadline - time.monotonic()), response.raw.shutdown):
                    return response, response.content
            except TimeoutError:
                raise InDoubtError(f"the answer took longer than {self._timeout_s:g} s") from None


class _Headers(requests.auth.AuthBase):
    """Sets headers last, so that neither ~/.netrc nor the environment can change them."""

    def __init__(self, headers):
        self._headers = headers

    def __call__(self, request):
        request.headers.update(self._headers)
        return request


def _session(config):
    session = requests.Session()
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    connection = config.connection
    options = {"timeout_s": config.timeout_s, "pool_maxsize": config.concurrency + 1}
    if connection.client_cert is not None:
        session.cert = (connection.client_cert, connection.client_key or connection.client_cert)
    path = config.address.socket
    if path is not None:
        session.trust_env = False  # A proxy cannot reach it.
    adapter = BoundedAdapter(**options)
    session.mount("https://", adapter)
    session.mount("http://", adapter if path is None else UnixSocketAdapter(path, **options))
    return session


def _text(content):
    """Decodes UTF-8, with or without a byte-order mark; other bytes become surrogates."""
    return content.decode("utf-8-sig", "surrogateescape")


def _message(text):
    """Returns the message in the body of an error."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = content.get("error") if isinstance(content, dict) else None
    return message if isinstance(message, str) else text
