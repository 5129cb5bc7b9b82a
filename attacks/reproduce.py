"""Reproduces a claim of the paper (arXiv 1806.00054), or shows that it cannot.

  python -m attacks.reproduce --list
  python -m attacks.reproduce --claim=3 --download
  python -m attacks.reproduce --claim=3 --quick
  python -m attacks.reproduce --write_results

A claim is a file in attacks/claims: what the paper says, the flagfiles of the runs that show it,
and a criterion that was written before the runs. The same command continues runs that were
stopped. --quick tries the claim in under five minutes, by a criterion of its own.
--write_results writes RESULTS.md with its figures, and its summary in README.md, from the results.

Exit statuses: 0 where the claim is reproduced, 1 for an error, 2 where it is not, or only partly,
3 where it is undecided, as while results are missing.
"""

import pathlib
import sys

from absl import flags

from attacks.claims.catalogue import CLAIMS
from attacks.claims.catalogue import ORDER
from attacks.claims.criterion.finding import EXIT_STATUS
from attacks.claims.outcome.assessment import assess_all
from attacks.claims.outcome.document import claim_text
from attacks.claims.outcome.document import document
from attacks.claims.outcome.document import listing
from attacks.claims.outcome.document import with_summary
from attacks.claims.outcome.figures import refresh_figures
from attacks.claims.outcome.reproduction import reproduce
from models.processes.preemption import Preemption
from models.processes.workers import exit_if_lost
from revsig_keras.cli import program

_ROOT = pathlib.Path(__file__).parents[1]


def main(claim: int | None, is_quick: bool, base: str, options: list[str]):
    """Runs a claim, prints its findings, and ends with the status of its verdict."""
    if claim not in CLAIMS:
        raise ValueError(f"`claim` must be one of {', '.join(map(str, CLAIMS))}. Received: {claim}")
    trial = CLAIMS[claim].quick if is_quick else CLAIMS[claim].trial
    with exit_if_lost(), Preemption() as preemption:
        assessment = reproduce(trial, pathlib.Path(base), options, preemption)
    print(claim_text(CLAIMS[claim], trial, assessment))
    sys.exit(EXIT_STATUS[assessment.verdict])


def write_results():
    """Writes RESULTS.md, its summary in README.md, and the figures that show other results."""
    base = _ROOT / "results" / "paper"
    assessments = assess_all(CLAIMS, base)
    (_ROOT / "RESULTS.md").write_text(document(CLAIMS, ORDER, assessments, base))
    readme = _ROOT / "README.md"
    readme.write_text(with_summary(readme.read_text(), CLAIMS, assessments))
    refresh_figures(CLAIMS, assessments, base)


if __name__ == "__main__":
    CLAIM = flags.DEFINE_integer("claim", None, "The claim, by its number.")
    QUICK = flags.DEFINE_bool("quick", False, "Tries the claim in under five minutes.")
    OUTPUT_DIR = flags.DEFINE_string(
        "output_dir", "runs/paper", "Where the results go, in a folder for each run; claims "
        "that share a run share its results.")
    DATA_DIR = flags.DEFINE_string(
        "data_dir", None, "Where TensorFlow Datasets has its data. Default: where it puts them.")
    DOWNLOAD = flags.DEFINE_bool("download", False, "Whether to download missing data.")
    LIST = flags.DEFINE_bool("list", False, "Lists all claims, and ends.")
    WRITE = flags.DEFINE_bool("write_results", False,
                              "Writes RESULTS.md and its figures anew, and ends.")

    def _run():
        if LIST.value:
            print(listing(CLAIMS.values()))
        elif WRITE.value:
            write_results()
        else:
            options = [f"--data_dir={DATA_DIR.value}"] if DATA_DIR.value else []
            options += ["--download"] if DOWNLOAD.value else []
            main(CLAIM.value, QUICK.value, OUTPUT_DIR.value, options)

    program.run(_run)
