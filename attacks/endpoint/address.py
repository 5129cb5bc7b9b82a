"""The address of a served model."""

import dataclasses
import urllib.parse

from attacks.endpoint.protocols import Protocol
from attacks.endpoint.protocols import PROTOCOLS


@dataclasses.dataclass(frozen=True)
class Address:
    """The address of a model behind one of the `PROTOCOLS`.

    Attributes:
        scheme: The scheme, such as `https`. A scheme that ends in `s` uses TLS.
        host: Host and port.
        base: Path of the model, with any prefix that a gateway adds, but without the version; empty
            if the path is the name alone.
        name: Name of the model.
        version: The version that is asked for, or None for the one that the server chooses.
    """
    scheme: str
    host: str
    base: str
    name: str
    version: int | None = None

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
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"`address` must be local, or {forms}. Received: {error}") from error
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("`address` must contain no user, password or query, which would end "
                             "up in results; see `token` and `headers`. Received: an address with "
                             "one of them")
        if port == 0:
            raise ValueError(f"`address` must have a port from 1 to 65535. Received: {text!r}")
        protocol = _protocol(parts.scheme, parts.path)
        if protocol is None or not host:
            raise ValueError(f"`address` must be local, or {forms}. Received: {text!r}")
        found = protocol.path.fullmatch(parts.path).groupdict()
        version = int(found["version"]) if found.get("version") else None
        host = f"[{host}]" if ":" in host else host
        return cls(parts.scheme, f"{host}:{port or protocol.ports[parts.scheme]}",
                   found.get("base", ""), urllib.parse.unquote(found["name"]), version)

    @property
    def protocol(self) -> Protocol:
        """The protocol by which the model is asked."""
        return _protocol(self.scheme, self._path)

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme.endswith("s")

    @property
    def _path(self):
        return self.base or f"/{urllib.parse.quote(self.name)}"

    def __str__(self):
        pinned = "" if self.version is None else f"/versions/{self.version}"
        return f"{self.scheme}://{self.host}{self._path}{pinned}"


def _protocol(scheme: str, path: str) -> Protocol | None:
    fitting = (each for each in PROTOCOLS if scheme in each.ports and each.path.fullmatch(path))
    return next(fitting, None)
