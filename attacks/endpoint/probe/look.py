"""What a probe saw."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        kind: A word for it, as in records.
        expected: What the endpoint must do, without the subject.
        received: What it did.
        remedy: What is likely to help.
    """
    kind: str
    expected: str
    received: str
    remedy: str

    def sentence(self) -> str:
        """All of it in words."""
        return (f"`address` must lead to a model that {self.expected}. Received: {self.received}. "
                f"{self.remedy}")


@dataclasses.dataclass(frozen=True)
class Look:
    """What a probe saw.

    Attributes:
        rows: The number of different rows.
        findings: What looks wrong, the surest first.
        is_random: Whether a row that was asked twice had two answers; None if none was.
        right: How many answers are right; None if no labels are known.
    """
    rows: int
    findings: tuple[Finding, ...] = ()
    is_random: bool | None = None
    right: int | None = None

    def describe(self) -> dict[str, Any]:
        """Returns what a record keeps of it."""
        return {
            "rows": self.rows,
            "is_random": self.is_random,
            "accuracy": None if self.right is None else self.right / self.rows,
            "overruled": [finding.kind for finding in self.findings],
        }
