"""What can go wrong between a client and a server, switched on by tests."""
import dataclasses

# The code that stands in gRPC for an HTTP status.
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
CUTS = (None, "reset", "truncate")


@dataclasses.dataclass(frozen=True)
class Call:
    """A Predict that is about to be answered.

    Attributes:
        protocol: `"grpc"` or `"rest"`.
        number: How many came before it.
    """
    protocol: str
    number: int


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to a Predict; by default nothing.

    Attributes:
        delay_s: For how long nothing happens at first.
        status: The HTTP status that it is refused with before the model runs; in gRPC the code
            that stands for it.
        retry_after_s: What the header `Retry-After` of a refusal says.
        cut: Where the connection ends once the model has run: `"reset"` before the answer,
            `"truncate"` inside it.
    """
    delay_s: float = 0.0
    status: int | None = None
    retry_after_s: int | None = None
    cut: str | None = None

    def __post_init__(self):
        if self.status is not None and self.status not in CODES:
            raise ValueError(f"status must be one of {sorted(CODES)}, received {self.status!r}")
        if self.cut not in CUTS:
            raise ValueError(f"cut must be one of {CUTS}, received {self.cut!r}")
