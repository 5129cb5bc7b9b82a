"""What a run collects from an endpoint."""

import dataclasses

from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import printable


class OtherModelError(EndpointError):
    """Another model, or another version, than that of the run."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """The model that a run is about.

    Attributes:
        name: The address and the signature, as in the ledger and in results.
        version: The version of the model. Control characters in both are escaped.
    """
    name: str
    version: str

    def __post_init__(self):
        for field in ("name", "version"):  # A server may say anything.
            object.__setattr__(self, field, printable(getattr(self, field)))

    def check(self, other: "Subject") -> None:
        """Raises `OtherModelError` if the other is not the same."""
        if other != self:
            raise OtherModelError(
                f"`address` must lead to the model of this run, {self.name}, version "
                f"{self.version}. Received: {other.name}, version {other.version}. Answers of two "
                "models are not mixed: use a new `output_dir`, or pin the version by "
                "/versions/VERSION at the end of the address")


@dataclasses.dataclass(frozen=True)
class Assignment:
    """What a `Collector` collects, and for whom.

    Attributes:
        subject: The model; an answer of another version ends the run.
        run: The run's id in the ledger, to which rows are billed.
        num_classes: The number of classes of the data.
        max_rows: The most rows that the run may send, or None for no limit.
    """
    subject: Subject
    run: str
    num_classes: int
    max_rows: int | None = None
