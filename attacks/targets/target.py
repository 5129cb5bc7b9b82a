"""What is attacked: the oracle and the evaluation of one victim."""

from collections.abc import Callable
import dataclasses
from typing import Any

import numpy as np

from attacks.evaluation.agreement import AgreementEvaluator
from attacks.grid.cell import Cell
from attacks.grid.registries import ADVERSARIES
from attacks.oracle.deployed import Deployed
from attacks.oracle.oracle import Oracle
from models.data.streamed import Inputs


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """The oracle and the evaluation of one victim.

    It is put together from its parts, so that whatever answers inputs can be attacked:

        Target(oracle=lambda defence, budget: LocalOracle(predict, budget),
               evaluator=AgreementEvaluator(test, test_labels, evaluation, evaluation_labels))

    `attacks.targets.local.local_target` makes the parts of a Keras victim in this process,
    `attacks.targets.remote.EndpointSource` those of a served model.

    Attributes:
        oracle: Makes the oracle that the thief of one cell can query, from the cell's defence, as
            written, and its budget.
        evaluator: Measures clones.
        record: What results keep of the victim; in a run, it has a `name` and a `fingerprint`.
        truth: Answers rows of the thief's pool `[n, ...]` with true labels `[n, num_classes]`,
            for the control that asks no victim. None: they are not known.
        labels_only: Whether the victim answers with labels instead of probabilities.
        clean: Returns the victim's clean outputs `[n, num_classes]` for inputs, for the reader that
            is given them. None: they are not known.
        deployed: Returns a defence, as written, as it answers for this victim, which it may be
            fitted to. By default nothing is fitted.
        bill: Returns the rows that this run has sent, by kind, or None where nothing is sent.
    """
    oracle: Callable[[str, int], Oracle]
    evaluator: AgreementEvaluator
    record: dict[str, Any] = dataclasses.field(default_factory=dict)
    truth: Callable[[np.ndarray], np.ndarray] | None = None
    labels_only: bool = False
    clean: Callable[[Inputs], np.ndarray] | None = None
    deployed: Callable[[str], Deployed] = Deployed
    bill: Callable[[], dict[str, int] | None] = lambda: None

    def unfit(self, cell: Cell) -> str | None:
        """Returns why a cell means nothing on this target, or None."""
        adversary = ADVERSARIES.make(cell.adversary)
        if self.truth is None and adversary.needs == "truth":
            return f"{cell.adversary}: the true labels of the inputs are not known"
        if self.clean is None and adversary.sees_clean:
            return f"{cell.adversary}: the victim's clean outputs are not known"
        return cell.unfit(self.labels_only)
