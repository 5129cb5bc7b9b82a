"""Calls over gRPC, each sent once."""

from collections.abc import Callable
import pathlib
from typing import Any

import grpc

from attacks.endpoint.config import CONNECT_TIMEOUT_S
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.settings.connection import check_trusted
from attacks.endpoint.transport import grpc_failures
from attacks.endpoint.transport.redaction import Redaction


class GrpcCaller:
    """Sends each call once, used by several threads at a time.

    Args:
        config: The address, the secrets, the certificates, what failures mean, and the time that an
            answer may take.

    Attributes:
        channel: For the stubs of services.

    Raises:
        EndpointError: If a secret cannot be sent.
        ValueError: If a secret or the certificates to trust cannot be read.
    """

    def __init__(self, config: EndpointConfig):
        check_trusted(config.ca_file)
        headers = config.secret_headers()
        self._redact = Redaction(headers)
        self._metadata = _metadata(headers)
        self._timeout_s = config.timeout_s
        self._retried, self._meanings = config.retry.statuses, config.meanings
        self.channel = _channel(config)

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """Calls a method of a stub.

        Raises:
            RefusedError, InDoubtError: If the request may be sent again.
            EndpointError: If that would not help.
        """
        try:
            return method(request, timeout=self._timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            code, details = error.code().name, self._redact(error.details() or "")
            meaning = self._meanings.of(None, f"{code}: {details}")
            if meaning is not None:
                raise grpc_failures.of_meaning(meaning, code, details) from None
            raise grpc_failures.of(code, details, self._retried) from None

    def close(self) -> None:
        """Ends the connection."""
        self.channel.close()


def _metadata(headers):
    """Metadata: names in lower case, and bytes as values of names that end in `-bin`."""
    named = [(name.lower(), value) for name, value in headers.items()]
    return [(name, value.encode() if name.endswith("-bin") else value) for name, value in named]


def _channel(config):
    connect_s = min(CONNECT_TIMEOUT_S, config.timeout_s)
    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_retries", 0),
        # The time in which a connection must be made.
        ("grpc.min_reconnect_backoff_ms", max(1, int(1000 * connect_s))),
    ]
    address, connection = config.address, config.connection
    if address.socket is not None:
        # Servers expect the name of a host as the authority, which a path is not.
        options.append(("grpc.default_authority", "localhost"))
        return grpc.insecure_channel(f"unix:{address.socket}", options)
    if not address.uses_tls:
        return grpc.insecure_channel(address.host, options)
    key = connection.client_key or connection.client_cert
    credentials = grpc.ssl_channel_credentials(_content(config.ca_file), _content(key),
                                               _content(connection.client_cert))
    return grpc.secure_channel(address.host, credentials, options)


def _content(path):
    return None if path is None else pathlib.Path(path).read_bytes()
