"""The owner's limits as options."""
import dataclasses
from typing import Any

from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class CostLimits:
    """Limits on what a defence may cost; `choose_strength` checks them.

    Each field is an option of the programs that choose a strength.
    """
    max_l1: float | None = option(
        None, "Limit of the mean L1 distance between clean and defended answers, which is at most "
        "2.")
    max_kl_nats: float | None = option(None, "Limit of the mean KL(clean || defended) in nats.")
    max_ece: float | None = option(
        None, "Limit of the expected calibration error of the defended answers (as decoded, of a "
        "coded defence); needs true labels.")
    max_auroc_loss: float | None = option(
        None, "Limit of what is lost of the AUROC of the confidence for being right (as decoded, "
        "of a coded defence); needs true labels.")
    max_ece_loss: float | None = option(
        None, "Limit of what is added to the expected calibration error (as decoded, of a coded "
        "defence); needs true labels.")
    max_brier_loss: float | None = option(
        None, "Limit of what is added to the Brier score (as decoded, of a coded defence); needs "
        "true labels.")

    def as_arguments(self) -> dict[str, Any]:
        """The limits as arguments of `choose_strength`."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(CostLimits)}

    def given(self) -> dict[str, float]:
        """The limits that there are."""
        return {name: limit for name, limit in self.as_arguments().items() if limit is not None}
