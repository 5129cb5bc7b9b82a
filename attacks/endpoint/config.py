"""How an endpoint is asked, checked once and passed on."""

import dataclasses
import os
import pathlib
import re

from attacks.endpoint.address import Address

FORMATS = ("row", "column")
# The longest that a connection may take to come about; an answer may take `timeout_s`.
CONNECT_TIMEOUT_S = 10.0
# In the output directory of a run: which endpoint it is about.
ENDPOINT_RECORD = "endpoint.json"
_HEADER = re.compile(r"[A-Za-z0-9-]+")


@dataclasses.dataclass(frozen=True)
class Secret:
    """Where a secret is, never the secret: `env:NAME`, an environment variable, or `file:PATH`."""
    source: str

    def __post_init__(self):
        kind, _, where = self.source.partition(":")
        if kind not in ("env", "file") or not where:
            # What came may be the secret itself, so it is not repeated.
            raise ValueError("A secret must be given as env:NAME, an environment variable, or as "
                             "file:PATH, so that no list of processes shows it. Received: "
                             "something else")

    def read(self) -> str:
        """The secret.

        Raises:
            ValueError: If there is none, or it has more than one line.
        """
        kind, _, where = self.source.partition(":")
        try:
            text = os.environ[where] if kind == "env" else pathlib.Path(where).read_text()
        except (KeyError, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"The secret {self.source} must be readable. Received: "
                             f"{type(error).__name__}") from None
        text = text.strip()
        if not text.isprintable() or not text:
            raise ValueError(f"The secret {self.source} must be one line of printable characters. "
                             "Received: something else")
        return text


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """When a request that failed is sent again.

    Attributes:
        retries: How often, after the first time.
        first_delay_s, longest_delay_s: The delay before the n-th retry is at most
            `first_delay_s * 2**n`, and never more than `longest_delay_s`, unless the server asks
            for more.
    """
    retries: int = 8
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0

    def __post_init__(self):
        if self.retries < 0:
            raise ValueError(f"`--oracle_retries` must be at least 0. Received: {self.retries}")

    def delay_s(self, retry: int, retry_after_s: float | None, jitter: float) -> float:
        """Seconds before the retry with that number, from 0: exponential, with jitter.

        Args:
            retry: How many retries came before it.
            retry_after_s: What the server asks for, or None; the delay is no shorter.
            jitter: Number in [0, 1), drawn at random, that spreads the delays between half and
                all of their size.
        """
        delay = min(self.longest_delay_s, self.first_delay_s * 2**min(retry, 60))
        return max(delay * (1 + jitter) / 2, retry_after_s or 0)


@dataclasses.dataclass(frozen=True)
class EndpointConfig:
    """An endpoint and how it is asked.

    Attributes:
        address: Where it is.
        signature: Name of the signature that is called.
        input_name, output_name: Of that signature, or None where it has only one that can be meant.
        input_range: The pair (lowest, highest) that the model expects where the data set has its
            own lowest and highest value, or None where both are the same.
        request_format: `row` or `column`, of REST requests.
        token: Where a bearer token is, or None.
        headers: Further headers (gRPC: metadata) with secrets as values, by name.
        ca_file: Certificates that TLS trusts, or None for those of the system.
        batch_size: Rows per request.
        concurrency: Requests at a time.
        rows_per_second: The most rows sent in a second, or None for no bound.
        timeout_s: Seconds that an answer may take.
        retry: When a failed request is sent again.
    """
    address: Address
    signature: str = "serving_default"
    input_name: str | None = None
    output_name: str | None = None
    input_range: tuple[float, float] | None = None
    request_format: str = "row"
    token: Secret | None = None
    headers: dict[str, Secret] = dataclasses.field(default_factory=dict)
    ca_file: str | None = None
    batch_size: int = 64
    concurrency: int = 4
    rows_per_second: float | None = None
    timeout_s: float = 30.0
    retry: RetryPolicy = RetryPolicy()

    def __post_init__(self):
        for name in ("batch_size", "concurrency"):
            if getattr(self, name) < 1:
                raise ValueError(f"`--oracle_{name}` must be at least 1. "
                                 f"Received: {getattr(self, name)}")
        for name in ("timeout_s", "rows_per_second"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"`--oracle_{name}` must be positive. Received: {value}")
        if self.request_format not in FORMATS:
            raise ValueError(f"`--oracle_format` must be one of {', '.join(FORMATS)}. "
                             f"Received: {self.request_format!r}")
        if self.input_range is not None and not self.input_range[0] < self.input_range[1]:
            raise ValueError("`--oracle_range` must be LOWEST,HIGHEST, in this order. Received: "
                             f"{self.input_range[0]},{self.input_range[1]}")
        for name in self.headers:
            if not _HEADER.fullmatch(name):
                raise ValueError("`--oracle_headers` must have names of letters, digits and hyphens"
                                 f". Received: {name!r}")
        if self.ca_file is not None and not os.path.isfile(self.ca_file):
            raise ValueError(f"`--oracle_ca_file` must be a file. Received: {self.ca_file}, which "
                             "is none")

    def secret_headers(self) -> dict[str, str]:
        """The headers to send, with their secrets; to be kept out of everything that is written."""
        headers = {name: secret.read() for name, secret in self.headers.items()}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.read()}"
        return headers


@dataclasses.dataclass(frozen=True)
class RemoteConfig:
    """The audit of an endpoint.

    Attributes:
        endpoint: What is asked, and how.
        owned: Whether the user has said that they own it.
        ledger: Where everything asked and answered is kept, or None for the output directory.
        eval_rows: Rows that the evaluator asks, or None for 1,000 or as many as there are.
        max_rows: The most rows that the run may send, or None for no bound.
    """
    endpoint: EndpointConfig
    owned: bool = False
    ledger: str | None = None
    eval_rows: int | None = None
    max_rows: int | None = None

    def __post_init__(self):
        if self.max_rows is not None and self.max_rows < 0:
            raise ValueError(f"`--max_rows` must be at least 0. Received: {self.max_rows}")
