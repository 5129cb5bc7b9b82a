"""The costs of one strength."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class StrengthRow:
    """The costs of one strength: means over the rows of probabilities.

    Attributes:
        beta: Magnitude of the perturbation.
        gamma: How fast the perturbation saturates.
        l1: Mean L1 distance between clean and defended probabilities.
        kl_nats: Mean KL(clean || defended) in nats.
        top1_confidence_shift: Mean of defended minus clean probability of the clean label.
        ece: Expected calibration error of the defended answers, `None` without labels.
        label_changes: Number of rows whose label changed.
        inside_limits: Whether all costs are inside the limits.
        auroc_loss: AUROC of the clean confidence for being right minus that of the defended one;
            `None` without labels, and where no answer is right or none is wrong.
        ece_loss: Expected calibration error of the defended minus that of the clean answers, `None`
            without labels.
        brier_loss: Brier score of the defended minus that of the clean answers, `None` without
            labels.
    """
    beta: float
    gamma: float
    l1: float
    kl_nats: float
    top1_confidence_shift: float
    ece: float | None
    label_changes: int
    inside_limits: bool
    auroc_loss: float | None = None
    ece_loss: float | None = None
    brier_loss: float | None = None
