"""The configuration of an audit: the endpoint, how to ask it, and what it may cost."""

import dataclasses
import functools
import math
import os
import re

from attacks.endpoint.address import Address
from attacks.endpoint.protocols import PROTOCOLS
from attacks.endpoint.settings.connection import Connection
from attacks.endpoint.settings.declared_model import DeclaredModel
from attacks.endpoint.settings.json_form import JsonForm
from attacks.endpoint.settings.meanings import Meanings
from attacks.endpoint.settings.secret import parse_secrets
from attacks.endpoint.settings.secret import Secret
from attacks.endpoint.settings.secret import WHERE
from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.arguments import parse_range
from revsig_keras.options import option

FORMATS = ("row", "column")
DEFAULT_SIGNATURE = "serving_default"
# The time in which a connection must be made; an answer may take `timeout_s`.
CONNECT_TIMEOUT_S = 10.0
# The file in an output directory that names the endpoint of the run.
ENDPOINT_RECORD = "endpoint.json"
_HEADER = re.compile(r"[A-Za-z0-9-]+")
# No single wait is longer, whatever an option says.
_LONGEST_S = 86_400.0


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """When, and how often, a failed request is sent again.

    Attributes:
        retries: The number of times that it is sent again.
        first_delay_s, longest_delay_s: The delay before retry n, from 0, is at most
            `first_delay_s * 2**n` and at most `longest_delay_s`, unless the server asks for more.
        statuses: Further HTTP statuses after which a request is sent again; its rows may have been
            answered.
    """
    retries: int = option(
        8, "How often a request that failed is sent again, at growing intervals (status 429, 502, "
        "503, 504, and what gRPC has for them; resets, time-outs, truncated answers).",
        name="oracle_retries",
        affects_results=False)
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    statuses: tuple[int, ...] = option(
        (), "Further HTTP statuses after which a request is sent again, such as 408,500. Its rows "
        "may have been answered, so they are billed again. Default: none.",
        name="oracle_retry_statuses",
        affects_results=False)

    def __post_init__(self):
        check_integer("retries", self.retries, least=0)
        for status in self.statuses:
            check_integer("statuses", status, least=400, most=599)

    def delay_s(self, retry: int, retry_after_s: float | None, jitter: float) -> float:
        """Returns the seconds before a retry: exponential, with jitter.

        Args:
            retry: The number of the retry, from 0.
            retry_after_s: The seconds that the server asks for, a lower bound, or None.
            jitter: Random number in [0, 1) that spreads the delays between half and all of their
                size.
        """
        delay = min(self.longest_delay_s, self.first_delay_s * 2**min(retry, 60))
        return max(delay * (1 + jitter) / 2, retry_after_s or 0)


@dataclasses.dataclass(frozen=True)
class EndpointConfig:
    """An endpoint, and how to ask it.

    Attributes:
        address: The address of the model.
        signature: Name of the signature to call.
        input_name, output_name: Names in that signature, or None if they are unambiguous.
        input_range: The pair (lowest, highest) of the model's inputs, to which the range of the
            data set is mapped, or None if both ranges are the same.
        request_format: The format of REST requests, `row` or `column`.
        token: The source of a bearer token, or None.
        headers: The sources of further headers (gRPC: metadata), by name.
        ca_file: Certificates that TLS trusts, or None for those of the system.
        rows_per_request: Rows per request.
        concurrency: The number of requests at a time.
        rows_per_second: The most rows sent in a second, or None for no limit.
        timeout_s: Seconds that an answer may take.
        retry: When, and how often, a failed request is sent again.
        model: What the auditor tells of the model, where the server does not.
        connection: How the endpoint is reached, beyond its address.
        meanings: The failures that the auditor knows better than the protocol.
        json: The form of requests and answers in JSON of any kind.
    """
    address: Address = option(
        help="The target: 'local', the victim and the defences in this process; or a served model "
        "that you own: http(s)://HOST:8501/v1/models/NAME[/versions/V] (TensorFlow Serving's REST "
        "API, KServe V1), grpc(s)://HOST:8500/NAME[/versions/V] (needs pip install "
        "'revsig_keras[serving]'), http(s)://HOST/v2/models/NAME[/versions/V] or v2+http(s)://... "
        "or v2+grpc(s)://HOST:8001/NAME (Open Inference Protocol), json+http(s)://HOST/PATH (any "
        "JSON), python:file=FILE.py:function=NAME. A Unix socket: http+unix://%2FPATH/v1/... ",
        name="oracle",
        kind=str,
        raw_default="local",
        parse=Address.parse)
    signature: str = option(DEFAULT_SIGNATURE, "The signature to call.", name="oracle_signature")
    input_name: str | None = option(None,
                                    "The signature's input. Default: the only one that it has.",
                                    name="oracle_input")
    output_name: str | None = option(None,
                                     "The signature's output. Default: the only one that it has.",
                                     name="oracle_output")
    input_range: tuple[float, float] | None = option(
        None, "LOWEST,HIGHEST that the served model expects, where the data set's lowest and "
        "highest values are others: 0,255 for instance. Default: as in the data set (images: 0 to "
        "1).",
        name="oracle_range",
        parse=functools.partial(parse_range, "input_range"))
    request_format: str = option("row",
                                 "The format of REST requests.",
                                 name="oracle_format",
                                 choices=FORMATS,
                                 affects_results=False)
    token: Secret | None = option(None,
                                  f"Where a bearer token is: {WHERE}.",
                                  name="oracle_token",
                                  kind=str,
                                  parse=Secret,
                                  affects_results=False)
    headers: dict[str, Secret] = option(
        {}, "Further headers (gRPC: metadata), NAME=WHERE each, as in X-Api-Key=env:API_KEY; "
        f"WHERE is {WHERE}.",
        name="oracle_headers",
        kind=list,
        raw_default=[],
        parse=functools.partial(parse_secrets, "headers"),
        affects_results=False)
    ca_file: str | None = option(None,
                                 "Certificates (PEM) that TLS trusts instead of the system's.",
                                 name="oracle_ca_file",
                                 parse=os.path.expanduser,
                                 affects_results=False)
    rows_per_request: int = option(64,
                                   "Rows per request.",
                                   name="oracle_batch_size",
                                   affects_results=False)
    concurrency: int = option(4,
                              "Requests at a time.",
                              name="oracle_concurrency",
                              affects_results=False)
    rows_per_second: float | None = option(None,
                                           "The most rows sent in a second. Default: no limit.",
                                           name="oracle_rows_per_second",
                                           affects_results=False)
    timeout_s: float = option(30.0,
                              "Seconds that an answer may take.",
                              name="oracle_timeout_s",
                              affects_results=False)
    retry: RetryPolicy = RetryPolicy()
    model: DeclaredModel = DeclaredModel()
    connection: Connection = Connection()
    meanings: Meanings = Meanings()
    json: JsonForm = JsonForm()

    def __post_init__(self):
        for part in {part for protocol in PROTOCOLS for part in protocol.parts}:
            if part not in self.address.protocol.parts:
                _check_default(getattr(self, part), self.address)
        for name in ("rows_per_request", "concurrency"):
            check_integer(name, getattr(self, name), least=1)
        for name in ("timeout_s", "rows_per_second"):
            value = getattr(self, name)
            if value is not None and not (is_real(value) and 0 < value < float("inf")):
                raise ValueError(f"`{name}` must be positive. Received: {value}")
        if self.timeout_s > _LONGEST_S:
            raise ValueError(f"`timeout_s` must be at most {_LONGEST_S:.0f}, a day. Received: "
                             f"{self.timeout_s}")
        if self.rows_per_second and self.rows_per_request / self.rows_per_second > _LONGEST_S:
            raise ValueError(
                f"`rows_per_second` must allow a request of {self.rows_per_request} rows a day. "
                f"Received: {self.rows_per_second}")
        if self.request_format not in FORMATS:
            raise ValueError(f"`request_format` must be one of {', '.join(FORMATS)}. "
                             f"Received: {self.request_format!r}")
        low, high = self.input_range or (0.0, 1.0)
        if not -math.inf < low < high < math.inf:
            raise ValueError("`input_range` must be LOWEST,HIGHEST, finite and in this order. "
                             f"Received: {low},{high}")
        if self.token is not None and "authorization" in map(str.lower, self.headers):
            raise ValueError("`headers` must leave out Authorization where there is a `token`. "
                             "Received: both")
        for name in self.headers:
            if not _HEADER.fullmatch(name):
                raise ValueError("`headers` must have names of letters, digits and hyphens"
                                 f". Received: {name!r}")
        if self.ca_file is not None and not os.path.isfile(self.ca_file):
            raise ValueError(f"`ca_file` must be a file. Received: {self.ca_file}, which is not")

    def secret_headers(self) -> dict[str, str]:
        """Returns the headers to send, with their secrets, which must not be written anywhere."""
        headers = {name: secret.read() for name, secret in self.headers.items()}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.read()}"
        return headers


def _check_default(part, address):
    """Raises `ValueError` if a part of the configuration is set that the protocol does not use."""
    for field in dataclasses.fields(part):
        if getattr(part, field.name) != field.default:
            raise ValueError(f"`{field.name}` must be left out for {address.scheme}:, which has no "
                             f"use for it. Received: {getattr(part, field.name)!r}")


@dataclasses.dataclass(frozen=True)
class RemoteConfig:
    """The audit of an endpoint.

    Attributes:
        endpoint: The endpoint, and how to ask it.
        owned: Whether the user states that they own the endpoint.
        ledger: File of all questions and answers, or None for one in the output directory.
        eval_rows: Rows that the evaluator asks, or None for 1,000 or as many as there are.
        max_rows: The most rows that the run may send, or None for no limit.
        trusted: Whether the run goes on where the probe finds something wrong.
    """
    endpoint: EndpointConfig
    owned: bool = option(
        False, "States that the endpoint is yours, or that its owner has agreed. Needed at its "
        "first use.",
        name="i_own_this_endpoint",
        affects_results=False)
    ledger: str | None = option(
        None, "File of all questions and answers; an answer in it is never paid for again. "
        "Default: endpoint.ledger in the output directory.",
        parse=os.path.expanduser,
        affects_results=False)
    eval_rows: int | None = option(
        None, "Held-out rows that a remote oracle is asked once, to measure clones against. They "
        "are charged apart from the budgets. A fifth of them chooses the strongest thief, the "
        "others are reported on. Default: 1,000, or as many as there are.")
    max_rows: int | None = option(
        None, "The most rows that may be sent in this run, restarts included; past it, nothing is "
        "sent.",
        affects_results=False)
    trusted: bool = option(
        False, "Goes on where the probe finds that the set-up looks wrong; for a model that is "
        "known to answer like this.",
        name="oracle_trust",
        affects_results=False)

    def __post_init__(self):
        check_boolean("owned", self.owned)
        check_boolean("trusted", self.trusted)
        for name, least in (("eval_rows", 2), ("max_rows", 0)):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), least=least)
