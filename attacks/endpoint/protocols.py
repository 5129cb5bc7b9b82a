"""The protocols by which endpoints are asked; a new one is a row here and a folder of its own."""

from collections.abc import Mapping
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A protocol, and the addresses by which it is chosen.

    Attributes:
        form: The form of its addresses, for messages.
        ports: The default port of each scheme. Schemes that end in `s` use TLS.
        path: Pattern of the path of an address. Its groups are the `name` of the model, its
            `version` if it can be pinned, and, unless the path is these two alone, the `base`: all
            of the path up to the version.
        endpoint: Module and class of its `Endpoint`, imported when it is used.
    """
    form: str
    ports: Mapping[str, int]
    path: re.Pattern
    endpoint: str


PROTOCOLS = (
    Protocol(
        form="http(s)://HOST[:PORT]/v1/models/NAME[/versions/VERSION]",
        ports={"http": 80, "https": 443},
        path=re.compile(r"(?P<base>.*/v1/models/(?P<name>[^/:]+))(/versions/(?P<version>\d+))?/?"),
        endpoint="attacks.endpoint.tf_serving.rest_endpoint.RestEndpoint"),
    Protocol(
        form="grpc(s)://HOST[:PORT]/NAME[/versions/VERSION]",
        ports={"grpc": 8500, "grpcs": 443},
        path=re.compile(r"/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?/?"),
        endpoint="attacks.endpoint.tf_serving.grpc_endpoint.GrpcEndpoint"),
)  # yapf: disable
