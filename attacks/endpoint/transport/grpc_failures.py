"""What a failure of gRPC says about the rows that were sent."""

import re

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import speaks_of_connection

_NOT_REACHED = re.compile(r"failed to connect|name resolution|dns resolution", re.IGNORECASE)
_TLS = re.compile(r"certificate|peer name|handshake|wrong_version", re.IGNORECASE)
# Of a gateway in between: what its status 502 or 504 becomes.
_GATEWAY = re.compile(r"status: 50[24]")
# Of an answer that arrived in pieces, or was broken off.
_BROKEN = re.compile(r"exception deserializing response|rst_stream|stream removed", re.IGNORECASE)
_TOO_LARGE = re.compile(r"larger than max", re.IGNORECASE)


def of(code: str, said: str) -> Exception:
    """The failure that a code stands for.

    Args:
        code: Its name, such as `UNAVAILABLE`.
        said: The details, without secrets.
    """
    message = f"{code}: {said}"
    if code == "RESOURCE_EXHAUSTED" and not _TOO_LARGE.search(said):
        return RefusedError(message)
    if code == "UNAVAILABLE":
        return _of_unavailable(said, message)
    if code in ("DEADLINE_EXCEEDED", "CANCELLED"):
        return InDoubtError(message)
    if code in ("INTERNAL", "UNKNOWN") and _BROKEN.search(said):
        return InDoubtError(message)
    hint = "; see --oracle_batch_size" if _TOO_LARGE.search(said) else ""
    return EndpointError(f"The endpoint must answer with OK. Received: {message}{hint}")


def _of_unavailable(said, message):
    if _NOT_REACHED.search(said):
        if _TLS.search(said):
            return EndpointError("The endpoint must show a certificate that is trusted; see "
                                 f"--oracle_ca_file. Received: {message}")
        return NotReachedError(message)
    if speaks_of_connection(said) or _GATEWAY.search(said):
        return InDoubtError(message)
    return RefusedError(message)
