"""The columns of the tables, each declared once.

A new metric needs two edits: an evaluator measures it, and `SUMMARY` declares it by a `_metric`.
`python -m attacks.plot --columns` prints what is declared here.
"""

from collections.abc import Iterable, Mapping, Sequence
import csv
import io
from typing import Any

from attacks.report.columns.alignment import aligned
from attacks.report.columns.column import Column
from attacks.report.columns.leak_columns import BOUNDED_LEAK
from attacks.report.columns.leak_columns import FRONTIER


def _metric(name, sentence, unit="", better="", title=""):
    return Column(name, sentence, unit, better, title, ("metrics", name))


# The order is part of the format: new columns follow the last one.
SUMMARY = (
    Column("dataset", "Data set that the victim classifies.", path=("dataset", "name"),
           origin="data sets"),
    Column("victim", "Architecture or name of the victim.", path=("victim", "name")),
    Column("defence", "Defence of the victim."),
    Column("attack", "Attack, which chooses the queried inputs."),
    Column("adversary", "Adversary, which makes training targets of the answers."),
    Column("budget",
           "Number of distinct rows that the thief may query.",
           "rows",
           title="queries (distinct rows)",
           path=("cell", "budget")),
    Column("seed",
           "Seed of the thief: queries, initial weights and training.",
           path=("cell", "seed")),
    _metric("agreement_clean",
            "Fraction of test rows on which the clone gives the label of the clean victim.",
            "fraction",
            "lower",
            title="agreement with the clean victim (test)"),
    _metric("agreement_defended",
            "Fraction of test rows on which the clone gives the label of the answers as served.",
            "fraction",
            "lower",
            title="agreement with the answers as served (test)"),
    _metric("clone_accuracy", "Fraction of test rows that the clone classifies correctly.",
            "fraction", "lower"),
    _metric("victim_accuracy_clean",
            "Fraction of test rows that the victim classifies correctly without its defence.",
            "fraction", "higher"),
    _metric("victim_accuracy_defended",
            "Fraction of test rows that the victim classifies correctly with its defence.",
            "fraction", "higher"),
    _metric("distortion_kl_nats",
            "Mean divergence KL(clean || defended) of the answers to the queried rows.", "nats",
            "lower"),
    _metric("distortion_l1",
            "Mean distance |clean - defended|, summed over classes, of the same answers.",
            "probability", "lower"),
    _metric("label_changes", "Number of queried rows whose label the defence changes.", "rows",
            "lower"),
    Column("queries_used", "Number of distinct rows that were queried.", "rows",
           path=("queries_used",)),
    Column("train_seconds", "Time that training the clone took.", "seconds",
           path=("clone", "train_seconds")),
    _metric("distortion_kl_bits", "As distortion_kl_nats, in bits.", "bits", "lower"),
    _metric("distortion_kl_reverse_nats",
            "Mean divergence KL(defended || clean) of the answers to the queried rows.", "nats",
            "lower"),
    _metric("distortion_kl_reverse_bits", "As distortion_kl_reverse_nats, in bits.", "bits",
            "lower"),
    _metric("label_changes_test", "Number of test rows whose label the defence changes.", "rows",
            "lower"),
    _metric("agreement_validation",
            "Agreement on the evaluator's validation rows, by which the strongest thief is chosen.",
            "fraction", "lower"),
    Column("steps", "Number of training steps of the clone.", "steps", path=("clone", "steps")),
    Column("clone_digest", "Digest of the clone's training; equal ones are one clone.",
           path=("clone", "digest")),
    Column("id", "Identity of the cell, and name of its file.", path=("id",)),
    _metric("agreement_held_out",
            "Agreement with the answers on those paid rows that early stopping holds out.",
            "fraction", "lower"),
    _metric("clone_kl_nats", "Mean divergence KL(clean victim || clone) on test rows.", "nats",
            "higher"),
    _metric("transferability",
            "Fraction of adversarial examples made on the clone that fool the clean victim.",
            "fraction", "lower"),
    _metric("transferability_noise",
            "Fraction of random perturbations of the same size that fool the clean victim.",
            "fraction"),
    Column("is_strongest", "Whether this is the strongest thief of its defence and budget."),
    Column("evaluated_rows", "Number of test rows that the agreement is measured on.", "rows"),
    Column("commit", "Commit of the source, followed by +changes if files differed from it.",
           path=("commit",), origin="commits"),
    *(Column(f"{name}_version", f"Version of {name}.", path=("versions", name),
             origin=f"versions of {name}")
      for name in ("python", "tensorflow", "keras", "numpy", "revsig_keras")),
    Column("processor", "Processor; another one may round differently.",
           path=("hardware", "cpu"), origin="processors"),
    Column("gpus", "GPUs, separated by semicolons.", origin="sets of GPUs"),
    Column("onednn", "Setting of oneDNN, which rounds differently: 1, 0, or TensorFlow's default.",
           origin="settings of oneDNN"),
    Column("victim_fingerprint", "Digest of the victim, which tells victims of one name apart.",
           path=("victim", "fingerprint")),
    Column("victim_seed", "Seed that the victim was trained with."),
    Column("split_seed", "Seed that the data were split with."),
    Column("clone_architecture", "Architecture of the clone."),
    Column("test_rows", "Digest of the test rows; cells with equal ones are paired row by row.",
           path=("rows", "test_rows")),
    _metric("agreement_balanced",
            "Mean agreement over the reference's labels, each label counting the same.",
            "fraction", "lower"),
    _metric("chance_agreement",
            "Fraction of test rows with the reference's most frequent label: a constant clone's.",
            "fraction"),
    *(column for kind, answers in (("clean", "the answers without the defence"),
                                   ("defended", "the answers as given"),
                                   ("decoded", "the answers as decoded, of coded defences"))
      for column in (
          _metric(f"confidence_auroc_{kind}",
                  f"AUROC of the confidence for being right, of {answers}.", "fraction", "higher"),
          _metric(f"ece_{kind}", f"Expected calibration error on test rows, of {answers}.",
                  "probability", "lower"),
          _metric(f"brier_{kind}", f"Brier score on test rows, of {answers}.",
                  "probability squared", "lower"),
          _metric(f"top5_accuracy_{kind}",
                  f"True classes among the first 5, ties at random, of {answers}.", "fraction",
                  "higher"))),
    _metric("distortion_l1_test",
            "Mean distance |clean - defended|, summed over classes, of the answers to test rows.",
            "probability", "lower"),
    _metric("distortion_l1_decoded", "As distortion_l1_test, of the answers as decoded.",
            "probability", "lower"),
    _metric("answer_entropy_bits",
            "Entropy of the answers to test rows given their label; at most log2 of the rows.",
            "bits", "lower"),
    Column("seconds", "Time that the cell took, or its last part if it was resumed.", "seconds",
           path=("seconds",)),
    Column("cpu_seconds", "Processor time of the same, on all cores.", "seconds",
           path=("cpu_seconds",)),
    Column("recipe", "Recipe of the clone that was chosen of several; empty where there was one."),
    Column("needs", "What the adversary needs: probabilities, labels, or the truth, as a control.",
           path=("cell", "reader", "needs")),
    Column("keeps", "What the adversary keeps of an answer: probabilities or labels.",
           path=("cell", "reader", "keeps")),
    Column("sees_clean", "Whether it is given clean outputs of the victim, as no thief is.",
           path=("cell", "reader", "sees_clean")),
)  # yapf: disable

COMPARISONS = (
    Column("defence", "Defence that is compared with none."),
    Column("thief", "Naive thief of an attack, or the strongest thief of either side."),
    Column("budget", "Number of distinct rows that the thief may query.", "rows", title="queries"),
    Column("seeds", "Number of the thief's seeds that both sides have."),
    Column("undefended_by", "Adversary and attack on the undefended victim."),
    Column("defended_by", "Adversary and attack on the defended victim."),
    Column("agreement_undefended", "Mean agreement on the undefended victim.", "fraction", "lower",
           title="undefended"),
    Column("agreement_defended", "Mean agreement on the defended victim.", "fraction", "lower",
           title="defended"),
    Column("difference", "Mean of agreement_defended - agreement_undefended, paired by replicate.",
           "fraction", "lower"),
    Column("difference_low_95",
           "Lower end of its 95% interval (Student's t); empty where nothing varies.", "fraction"),
    Column("difference_high_95", "Upper end of its 95% interval.", "fraction"),
    Column("query_multiplier",
           "How many times more queries the thief needs; empty where only >1 or <1 is known.",
           "times",
           "higher", title="queries needed"),
    Column("query_multiplier_is",
           "= where the multiplier is measured; > or < where it is a lower or an upper bound."),
    Column("mixed", "What differs between the compared cells besides the grid, such as 2 commits."),
    Column("kind", "Kind of thief that is compared: naive or strongest."),
    Column("attack", "Attack of both sides."),
    Column("undefended_adversary", "Adversary on the undefended victim."),
    Column("defended_adversary", "Adversary on the defended victim."),
    Column("undefended_clone", "Architecture of the clones of the undefended victim."),
    Column("defended_clone", "Architecture of the clones of the defended victim."),
    Column("splits", "Number of splits of the data that both sides have."),
    Column("victims", "Number of victims that both sides have."),
    Column("leaves_out", "What the interval of the difference does not cover, by semicolons."),
    Column("comparisons", "Number of comparisons in the table."),
    Column("difference_low_all_95",
           "Lower end of the interval that holds for all comparisons at once (Bonferroni).",
           "fraction"),
    Column("difference_high_all_95", "Upper end of this interval.", "fraction"),
    Column("query_multiplier_low_95",
           "Lower end of the multiplier's 95% interval, by resampling replicates (not test rows).",
           "times"),
    Column("query_multiplier_high_95", "Upper end of this interval; empty where it has no bound.",
           "times"),
)  # yapf: disable

TABLES: Mapping[str, Sequence[Column]] = {
    "summary.csv": SUMMARY,
    "comparisons.csv": COMPARISONS,
    "bounded_leak.csv": BOUNDED_LEAK,
    "frontier.csv": FRONTIER,
}


def named(columns: Sequence[Column], name: str) -> Column:
    """The column of a name."""
    return next(column for column in columns if column.name == name)


def dictionary() -> str:
    """All columns of all tables, with unit, direction and sentence, as text."""
    heads = ("column", "unit", "better for the owner", "meaning")
    parts = []
    for file, columns in TABLES.items():
        lines = [(column.name, column.unit or "-", column.better or "-", column.sentence)
                 for column in columns]
        parts.append("\n".join([file, "", *aligned([heads, *lines], left=4)]))
    return "\n\n".join(parts)


def markdown() -> str:
    """The same as `dictionary`, as a page of the documentation."""
    parts = ["# Columns of the results\n\n`python -m attacks.plot --columns` prints the same.\n"]
    for file, columns in TABLES.items():
        lines = [
            f"| `{column.name}` | {column.unit or '-'} | {column.better or '-'} | "
            f"{column.sentence.replace('|', chr(92) + '|')} |" for column in columns
        ]
        parts.append("\n".join([
            f"## {file}\n", "| column | unit | better for the owner | meaning |",
            "|---|---|---|---|", *lines, ""
        ]))
    return "\n".join(parts).rstrip("\n")


def csv_text(columns: Sequence[Column], rows: Iterable[dict[str, Any]]) -> str:
    """Rows as CSV with a head, numbers in full precision, None as an empty entry."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [column.name for column in columns], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
