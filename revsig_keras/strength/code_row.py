"""The costs of one number of bits."""
import dataclasses

from revsig_keras.strength.utility import Utility


@dataclasses.dataclass(frozen=True)
class CodeRow:
    """The costs of a coded defence of so many bits: means over rows that it was not fitted to.

    Losses and limits are those of decoded answers: the label with its calibrated confidence.

    Attributes:
        bits: Integer, the most bits of confidence in an answer.
        effective_bits: The binary logarithm of the number of buckets.
        bits_per_answer: The bound: the most bits that an answer tells beyond the label, the order
            of classes included.
        l1: Mean L1 distance between clean and defended answers, as given.
        kl_nats: Mean KL(clean || defended) in nats, as given.
        label_changes: Number of rows whose label changed.
        inside_limits: Whether all costs are inside the limits.
        given: What the answers are worth as given, `None` without labels.
        decoded: What they are worth as decoded, `None` without labels.
        ece: Expected calibration error of the decoded answers, `None` without labels.
        auroc_loss: AUROC of the clean confidence for being right minus that of the decoded one;
            `None` without labels, and where no answer is right or none is wrong.
        ece_loss: Expected calibration error of the decoded minus that of the clean answers, `None`
            without labels.
        brier_loss: Brier score of the decoded minus that of the clean answers, `None` without
            labels.
    """
    bits: int
    effective_bits: float
    bits_per_answer: float
    l1: float
    kl_nats: float
    label_changes: int
    inside_limits: bool
    given: Utility | None = None
    decoded: Utility | None = None
    ece: float | None = None
    auroc_loss: float | None = None
    ece_loss: float | None = None
    brier_loss: float | None = None
