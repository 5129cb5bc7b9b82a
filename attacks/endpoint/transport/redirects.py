"""Where redirects lead, and whether secrets are sent there."""

from collections.abc import Collection
import dataclasses
import urllib.parse

from attacks.endpoint.failures import DeniedError

MOST = 5
# Statuses after which the same request is sent to another URL.
_STATUSES = (301, 302, 307, 308)
_PORTS = {"http": 80, "https": 443}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a request is sent.

    Attributes:
        url: The URL, without secrets.
        is_trusted: Whether secrets are sent there: to the host of the address alone.
    """
    url: str
    is_trusted: bool = True

    def redirected(self, status: int, location: str, secret_names: Collection[str]) -> "Place":
        """Returns the place to which a server redirects a request.

        Args:
            status: The status of its answer.
            location: The header `Location`.
            secret_names: Names of parameters of the query that are not repeated.

        Raises:
            DeniedError: If the redirect is not followed: it asks for another request, or would
                leave HTTP or TLS.
        """
        old = urllib.parse.urlsplit(self.url)
        try:
            new = urllib.parse.urlsplit(urllib.parse.urljoin(self.url, location))
            is_same = _origin(old) == _origin(new)
        except ValueError as error:
            raise DeniedError("The endpoint must redirect a request to a URL. Received: status "
                              f"{status} to another text: {error}") from None
        is_safe = new.scheme == "https" or new.scheme == old.scheme == "http"
        if status not in _STATUSES or not is_safe or not new.hostname:
            raise DeniedError(
                "The endpoint must redirect a request as it is, and not from https to http. "
                f"Received: status {status} to {new.scheme}://{new.hostname}")
        is_upgrade = old.scheme == "http" and new.scheme == "https" and old.hostname == new.hostname
        query = [(name, value)
                 for name, value in urllib.parse.parse_qsl(new.query, keep_blank_values=True)
                 if name not in secret_names]
        url = new._replace(query=urllib.parse.urlencode(query), fragment="").geturl()
        return Place(url, self.is_trusted and (is_same or is_upgrade))


def _origin(parts):
    """Scheme, host and port, which an address always names and a server seldom does."""
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
