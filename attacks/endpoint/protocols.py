"""The protocols by which endpoints are asked; a new one is a row here and a folder of its own."""

from collections.abc import Callable, Mapping
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A protocol, and the addresses by which it is chosen.

    Attributes:
        form: The form of its addresses, for messages.
        ports: The default port of each scheme, None where there is no network. Schemes that end in
            `s` use TLS.
        path: Pattern of the path of an address. Its groups are the `name` of the model, its
            `version` if it can be pinned, and, unless the path is these two alone, the `base`: all
            of the path up to the version.
        endpoint: Module and class of its `Endpoint`, imported when it is used.
        version: Makes a version of its text.
        parts: The optional parts of `EndpointConfig` that it uses, by name; other protocols refuse
            them.
        extra: The extra of this package that installs what `endpoint` imports, or nothing.
    """
    form: str
    ports: Mapping[str, int | None]
    path: re.Pattern
    endpoint: str
    version: Callable[[str], int | str] = int
    parts: tuple[str, ...] = ()
    extra: str = ""


_V2 = r"(?P<base>{}/(?P<name>[^/:]+))(/versions/(?P<version>[^/:]+))?/?"

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
        endpoint="attacks.endpoint.tf_serving.grpc_endpoint.GrpcEndpoint",
        extra="serving"),
    Protocol(
        form="[v2+]http(s)://HOST[:PORT]/v2/models/NAME[/versions/VERSION]",
        ports={"http": 80, "https": 443, "v2+http": 80, "v2+https": 443},
        path=re.compile(_V2.format(".*/v2/models")),
        endpoint="attacks.endpoint.v2.rest_endpoint.RestEndpoint",
        version=str),
    Protocol(
        form="v2+http(s)://HOST[:PORT]/PATH[/versions/VERSION]",
        ports={"v2+http": 80, "v2+https": 443},
        path=re.compile(_V2.format("(?:/[^/:]+)*?")),
        endpoint="attacks.endpoint.v2.rest_endpoint.RestEndpoint",
        version=str),
    Protocol(
        form="v2+grpc(s)://HOST[:PORT]/NAME[/versions/VERSION]",
        ports={"v2+grpc": 8001, "v2+grpcs": 443},
        path=re.compile(r"/(?P<name>[^/:]+)(/versions/(?P<version>[^/:]+))?/?"),
        endpoint="attacks.endpoint.v2.grpc_endpoint.GrpcEndpoint",
        version=str,
        extra="serving"),
    Protocol(
        form="json+http(s)://HOST[:PORT]/PATH",
        ports={"json+http": 80, "json+https": 443},
        path=re.compile(r"(?P<base>/.*)"),
        endpoint="attacks.endpoint.json_http.endpoint.JsonEndpoint",
        parts=("json",),
        extra="json"),
    Protocol(
        form="python:file=FILE.py[:function=NAME]",
        ports={"python": None},
        path=re.compile(r"(?P<base>(file|function)=[^:]+(:(file|function)=[^:]+)?)"),
        endpoint="attacks.endpoint.python_function.endpoint.FunctionEndpoint"),
)  # yapf: disable
