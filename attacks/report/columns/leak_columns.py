"""The columns of `bounded_leak.csv` and `frontier.csv`, each declared once."""

from attacks.report.columns.column import Column


def _bounded(name, sentence, unit, title, better="lower"):
    """A mean with its one-sided bounds."""
    return (Column(name, sentence, unit, better,
                   title), Column(f"{name}_low_95", f"Lower one-sided 95% bound of {name}.", unit),
            Column(f"{name}_high_95", f"Upper one-sided 95% bound of {name}.", unit))


BOUNDED_LEAK = (
    Column("defence", "Coded defence."),
    Column("family", "The defence without its bits."),
    Column("bits", "The most bits that an answer tells beyond the label.", "bits"),
    Column("budget", "Number of distinct rows that the thief may query.", "rows", title="queries"),
    Column("verdict", "Whether the claim holds, fails or is undecided; or labels are enough."),
    *_bounded("worth", "As gain, of undefended answers: what there is to lose.", "fraction",
              "undefended", better=""),
    Column("thief", "Strongest thief that reads more than labels."),
    *_bounded("gain", "Its agreement less that of the strongest thief that reads labels alone.",
              "fraction", "bits help"),
    Column("worst_thief", "Thief that reads more than labels, of the highest upper bound."),
    *_bounded("worst_gain", "As gain, of that thief.", "fraction", "worst"),
    *_bounded("reader_gain", "As gain, of a reader that is given clean outputs, as no thief is.",
              "fraction", "clean reader"),
    Column("thieves", "Number of thieves that read more than labels."),
    Column("replicates", "Number of replicates that gain is the mean of."),
    *_bounded("auroc_lost", "Confidence AUROC without the defence less that of answers as given.",
              "fraction", "AUROC lost"),
    *_bounded("ece_added", "Calibration error of decoded answers less that without the defence.",
              "probability", "ECE added"),
    Column("victims", "Number of victims that auroc_lost is the mean of."),
)  # yapf: disable

FRONTIER = (
    Column("dataset", "Data set that the victim classifies."),
    Column("defence", "Defence of the victim."),
    Column("family", "The defence without its bits, if it is coded; else the defence."),
    Column("bits", "The most bits that a coded answer tells beyond the label.", "bits"),
    Column("answer_entropy_bits", "Entropy of the answers to test rows given their label.", "bits",
           "lower", title="entropy"),
    Column("budget", "Number of distinct rows that the thief may query.", "rows", title="queries"),
    Column("replicates", "Number of replicates of the three thieves.", title="n"),
    Column("thief", "Strongest thief."),
    Column("agreement", "Its mean agreement.", "fraction", "lower"),
    Column("agreement_undefended", "Mean agreement of the strongest undefended thief.", "fraction",
           title="undefended"),
    Column("agreement_labels", "Mean agreement of the strongest that reads labels alone.",
           "fraction", title="labels"),
    Column("advantage", "Mean of agreement - agreement_labels, paired by replicate.", "fraction",
           "lower", title="over labels"),
    Column("advantage_low_95", "Lower end of its 95% interval (Student's t).", "fraction"),
    Column("advantage_high_95", "Upper end of this interval.", "fraction"),
    Column("kept", "Fraction of the undefended advantage over labels that the thief keeps.",
           "fraction", "lower"),
    Column("kept_low_95", "Lower end of its 95% interval (Fieller); empty without a bound.",
           "fraction"),
    Column("kept_high_95", "Upper end of this interval; empty without a bound.", "fraction"),
    *(column for name, title, unit, what in (
        ("l1", "L1", "probability", "Mean distance |clean - defended| on test rows"),
        ("auroc_lost", "AUROC lost", "fraction", "Confidence AUROC that is lost"),
        ("ece_added", "ECE added", "probability", "Expected calibration error that is added"),
        ("brier_added", "Brier added", "probability squared", "Brier score that is added"),
        ("top5_lost", "top-5 lost", "fraction", "Top-5 accuracy that is lost"),
    ) for column in (
        Column(name, f"{what}, by the answers as given.", unit, "lower", title),
        Column(f"{name}_low_95", f"Lower end of the 95% interval of {name}, over victims.", unit),
        Column(f"{name}_high_95", f"Upper end of the 95% interval of {name}.", unit),
        Column(f"{name}_decoded", f"{what}, by the answers as decoded.", unit, "lower",
               f"{title} (decoded)"))),
)  # yapf: disable
