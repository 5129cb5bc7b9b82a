"""The costs of one setting of a defence with a single parameter."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class SettingRow:
    """The costs of one setting: means over the rows of probabilities.

    Attributes:
        value: The value of the parameter, `None` for a defence without one.
        l1: Mean L1 distance between clean and defended probabilities.
        kl_nats: Mean KL(clean || defended) in nats; infinite where a class is withheld.
        top1_confidence_shift: Mean of defended minus clean probability of the clean label.
        label_changes: Number of rows whose label changed.
        inside_limits: Whether all costs are inside the limits.
        ece: Expected calibration error of the defended answers, `None` without labels.
        auroc_loss: As for `StrengthRow`, and so are the other losses.
        ece_loss: As for `StrengthRow`.
        brier_loss: As for `StrengthRow`.
    """
    value: float | int | None
    l1: float
    kl_nats: float
    top1_confidence_shift: float
    label_changes: int
    inside_limits: bool
    ece: float | None = None
    auroc_loss: float | None = None
    ece_loss: float | None = None
    brier_loss: float | None = None
