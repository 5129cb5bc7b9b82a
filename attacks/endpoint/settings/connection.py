"""How an endpoint is reached, beyond its address."""

import dataclasses
import functools
import os
import ssl

from attacks.endpoint.settings.secret import parse_secrets
from attacks.endpoint.settings.secret import Secret
from attacks.endpoint.settings.secret import WHERE
from revsig_keras.arguments import check_boolean
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class Connection:
    """How an endpoint is reached, beyond its address.

    Attributes:
        query: Secrets that are sent as parameters of the query of a URL, by name.
        client_cert: File of the certificate (PEM) by which the client identifies itself to a TLS
            server, or None.
        client_key: File of its key, or None if `client_cert` contains it.
        follow_redirects: Whether redirects are followed.
    """
    query: dict[str, Secret] = option(
        {}, "Secrets that are sent in the query of the URL, NAME=WHERE each, as in key=env:KEY; "
        f"WHERE is {WHERE}.",
        name="oracle_query",
        kind=list,
        raw_default=[],
        parse=functools.partial(parse_secrets, "query"),
        affects_results=False)
    client_cert: str | None = option(
        None,
        "A certificate (PEM) by which this client identifies itself to a TLS server.",
        name="oracle_client_cert",
        parse=os.path.expanduser,
        affects_results=False)
    client_key: str | None = option(
        None,
        "The key (PEM, not encrypted) of that certificate, unless the same file has it.",
        name="oracle_client_key",
        parse=os.path.expanduser,
        affects_results=False)
    follow_redirects: bool = option(
        False,
        "Follows redirects over HTTP. Secrets are sent to the host of the address alone.",
        name="oracle_follow_redirects",
        affects_results=False)

    def __post_init__(self):
        check_boolean("follow_redirects", self.follow_redirects)
        if "" in self.query:
            raise ValueError("`query` must be NAME=WHERE each. Received: no NAME")
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("`client_key` must be given with `client_cert` only. Received: "
                             f"{self.client_key} alone")
        for name in ("client_cert", "client_key"):
            file = getattr(self, name)
            if file is not None and not os.path.isfile(file):
                raise ValueError(f"`{name}` must be a file. Received: {file}, which is not")
        if self.client_cert is not None:
            _check_pair(self.client_cert, self.client_key)

    def secret_query(self) -> dict[str, str]:
        """Returns the parameters to send, with their secrets, which must not be written anywhere.

        Raises:
            ValueError: If a secret cannot be read.
        """
        return {name: secret.read() for name, secret in self.query.items()}


def check_trusted(certificates: str | None) -> None:
    """Raises `ValueError` unless a file, if there is one, has certificates that TLS can trust."""
    if certificates is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificates)
    except (OSError, ValueError) as error:
        raise ValueError("`ca_file` must be certificates in PEM. Received: "
                         f"{certificates}: {type(error).__name__}") from None


def _check_pair(certificate, key):
    try:
        # Without a password OpenSSL would ask for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ValueError(
            "`client_cert` must be a certificate in PEM, with its key in the same file or in "
            f"`client_key`, not encrypted. Received: {certificate}: {type(error).__name__}"
        ) from None
