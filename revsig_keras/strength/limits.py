"""The owner's limits on what a defence may cost."""
from collections.abc import Sequence
import dataclasses
import math
from typing import Any

from revsig_keras.arguments import is_real
from revsig_keras.strength.utility import Utility

# The costs that are measured against true labels.
_NEED_LABELS = ("ece", "auroc_loss", "ece_loss", "brier_loss")


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits, at least one.

    Attributes:
        given: The limits by the names of the costs, which are attributes of measured rows.
    """
    given: dict[str, float]

    @classmethod
    def check(cls, has_labels: bool, limits: dict[str, float | None]) -> "Limits":
        """Returns the limits that are given.

        Args:
            has_labels: Whether the true labels of the owner's rows are known.
            limits: The limits by the names of the costs; `None` for no limit.
        """
        given = {name: limit for name, limit in limits.items() if limit is not None}
        for name, limit in given.items():
            if not is_real(limit) or not 0 < limit < math.inf:
                raise ValueError(f"`max_{name}` must be a finite number above 0: a defence always "
                                 f"costs something. Received: max_{name}={limit!r}")
        if not given:
            names = [f"`max_{name}`" for name in limits]
            raise ValueError(f"At least one of {', '.join(names[:-1])} and {names[-1]} must be "
                             "given: without a limit, the strongest defence is chosen, whose "
                             "answers say hardly more than the label. Received: none")
        for name in _NEED_LABELS:
            if name in given and not has_labels:
                raise ValueError(f"`max_{name}` needs `labels`, the true labels of the rows: it is "
                                 "measured against them. Received: "
                                 f"max_{name}={given[name]!r}, labels=None")
        return cls({name: float(limit) for name, limit in given.items()})

    def check_utility(self, clean: Utility | None) -> None:
        """Raises `ValueError` if the clean answers leave a cost undefined."""
        if "auroc_loss" in self.given and (clean is None or clean.confidence_auroc is None):
            raise ValueError("`max_auroc_loss` needs rows that the classifier gets right and rows "
                             "that it gets wrong, to tell them apart. Received: rows without one "
                             "of them")

    def ratio(self, row: Any) -> float:
        """Returns the largest cost of a row in parts of its limit; inside the limits up to 1."""
        return max(getattr(row, name) / limit for name, limit in self.given.items())

    def are_met(self, costs: dict[str, Any]) -> bool:
        """Whether all costs are inside the limits."""
        return all(costs[name] <= limit for name, limit in self.given.items())

    def nothing_inside(self, rows: Sequence[Any]) -> tuple[Any, str]:
        """Returns the row that is closest to being inside, and a sentence that names the limit."""
        row = min(rows, key=self.ratio)
        _, name = max((getattr(row, name) / limit, name) for name, limit in self.given.items())
        return row, (f"is inside `max_{name}`={self.given[name]:g}. The closest has "
                     f"{name}={getattr(row, name):.6g}")
