"""The address of a served model."""

import dataclasses
import urllib.parse

from attacks.endpoint.protocols import Protocol
from attacks.endpoint.protocols import PROTOCOLS

_SOCKET = "+unix"
_NO_SECRETS = ("`address` must contain no user, password or query, which would end up in results; "
               "see `token`, `headers` and `query`. Received: an address with one of them")


@dataclasses.dataclass(frozen=True)
class Address:
    """The address of a model behind one of the `PROTOCOLS`.

    Over a Unix socket, the scheme ends in `+unix`, and the path of the socket, percent-encoded,
    replaces host and port: `http+unix://%2Frun%2Fserver.sock/v1/models/NAME`.

    Attributes:
        scheme: The scheme, such as `https`. A scheme that ends in `s` uses TLS.
        host: Host and port, or the path of a Unix socket, or nothing where there is no network.
        base: Path of the model, with any prefix that a gateway adds, but without the version; empty
            if the path is the name alone.
        name: Name of the model, empty where the protocol has none.
        version: The version that is asked for, or None for the one that the server chooses.
    """
    scheme: str
    host: str
    base: str
    name: str
    version: int | str | None = None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Reads an address.

        Raises:
            ValueError: If the address has none of the protocols' forms, or contains a user, a
                password or a query, which would end up in results.
        """
        forms = " or ".join(protocol.form for protocol in PROTOCOLS)
        try:
            parts = urllib.parse.urlsplit(text)
            port = None if parts.scheme.endswith(_SOCKET) else parts.port
        except ValueError as error:
            if "@" in text:  # The error may have a part of a password.
                raise ValueError(_NO_SECRETS) from None
            raise ValueError(f"`address` must be local, or {forms}. Received: {error}") from error
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(_NO_SECRETS)
        if port == 0:
            raise ValueError(f"`address` must have a port from 1 to 65535. Received: {text!r}")
        path = parts.path or "/"
        protocol = _protocol(parts.scheme, path)
        host = protocol and _host(parts, port, protocol)
        if host is None:
            raise ValueError(f"`address` must be local, or {forms}; or likewise over a Unix "
                             "socket, such as http+unix://%2Frun%2Fserver.sock/v1/models/NAME. "
                             f"Received: {text!r}")
        found = protocol.path.fullmatch(path).groupdict()
        version = found.get("version")
        return cls(parts.scheme, host, found.get("base", ""),
                   urllib.parse.unquote(found.get("name") or ""), version and
                   protocol.version(urllib.parse.unquote(version)))

    @property
    def protocol(self) -> Protocol:
        """The protocol by which the model is asked."""
        return _protocol(self.scheme, self._path)

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme.endswith("s")

    @property
    def socket(self) -> str | None:
        """The path of the Unix socket, or None."""
        return urllib.parse.unquote(self.host) if self.scheme.endswith(_SOCKET) else None

    @property
    def url(self) -> str:
        """The URL of the model, for a protocol over HTTP; of a Unix socket, on `localhost`."""
        host = "localhost" if self.socket else self.host
        return f"http{'s' if self.uses_tls else ''}://{host}{self._path}{self._pinned}"

    @property
    def _path(self):
        return self.base or f"/{urllib.parse.quote(self.name)}"

    @property
    def _pinned(self):
        return "" if self.version is None else (
            f"/versions/{urllib.parse.quote(str(self.version), safe='')}")

    def __str__(self):
        host = f"//{self.host}" if self.host else ""
        return f"{self.scheme}:{host}{self._path}{self._pinned}"


def _protocol(scheme: str, path: str) -> Protocol | None:
    plain = scheme.removesuffix(_SOCKET)
    ports = {} if plain != scheme and plain.endswith("s") else {plain}
    fitting = (each for each in PROTOCOLS
               if each.ports.keys() & ports and each.path.fullmatch(path) and
               (plain == scheme or each.ports[plain] is not None))
    return next(fitting, None)


def _host(parts: urllib.parse.SplitResult, port: int | None, protocol: Protocol) -> str | None:
    """The host of an address with its port; None if there is none, or must be none."""
    if parts.scheme.endswith(_SOCKET):
        return parts.netloc or None
    default = protocol.ports[parts.scheme]
    if default is None:
        return None if parts.netloc else ""
    host = parts.hostname
    return host and f"{f'[{host}]' if ':' in host else host}:{port or default}"
