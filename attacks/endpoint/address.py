"""Where a served model is, as `--oracle` says it."""

import dataclasses
import re
import urllib.parse

_PORTS = {"http": 80, "https": 443, "grpc": 8500, "grpcs": 443}
_FORMS = ("http(s)://HOST[:PORT]/v1/models/NAME[/versions/VERSION] or "
          "grpc(s)://HOST[:PORT]/NAME[/versions/VERSION]")
_REST_PATH = re.compile(r"(?P<base>.*/v1/models/(?P<name>[^/:]+))(/versions/(?P<version>\d+))?/?")
_GRPC_PATH = re.compile(r"/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?/?")


@dataclasses.dataclass(frozen=True)
class Address:
    """A model behind TensorFlow Serving's REST or gRPC API.

    Attributes:
        scheme: `http`, `https`, `grpc` or `grpcs`; those that end in `s` use TLS.
        host: Host and port.
        base: Path of the model on a REST server, `/v1/models/NAME`, with whatever a gateway puts
            in front of it; empty for gRPC.
        name: The model's name.
        version: The version that is asked for, or None for the one that the server takes.
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
            ValueError: If it is of another form, or holds a user, a password or a query, which
                would end up in results.
        """
        try:
            parts = urllib.parse.urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"`address` must be local, or {_FORMS}. Received: {error}") from error
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("`address` must hold no user, password or query: they would end up in "
                             "results. Received: an address with one; see `token` and "
                             "`headers`")
        path = (_GRPC_PATH if parts.scheme.startswith("grpc") else _REST_PATH).fullmatch(parts.path)
        if parts.scheme not in _PORTS or not host or path is None:
            raise ValueError(f"`address` must be local, or {_FORMS}. Received: {text!r}")
        groups = path.groupdict()
        version = groups["version"] and int(groups["version"])
        host = f"[{host}]" if ":" in host else host
        return cls(parts.scheme, f"{host}:{port or _PORTS[parts.scheme]}", groups.get("base", ""),
                   urllib.parse.unquote(groups["name"]), version)

    @property
    def is_grpc(self) -> bool:
        """Whether it is asked by gRPC; by REST otherwise."""
        return self.scheme.startswith("grpc")

    @property
    def uses_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme.endswith("s")

    def __str__(self):
        path = self.base or f"/{urllib.parse.quote(self.name)}"
        pinned = "" if self.version is None else f"/versions/{self.version}"
        return f"{self.scheme}://{self.host}{path}{pinned}"
