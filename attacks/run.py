"""Steals a victim, with and without a defence, and reports how well that went.

  python -m attacks.run --flagfile=attacks/configs/quickstart.flags

A flag behind --flagfile overrides it, one in front of it does not: put the flagfile first. Given
the same command again, a run that was stopped continues; given more members in --budgets, --seeds,
--victim_seeds, --split_seeds, --clone_architectures, --defences, --attacks or --adversaries, it
extends its output directory. A member is name[:key=value]..., as in
--defences=none,reverse_sigmoid:beta=1:gamma=.2.

Exit statuses: 0 where the verdict is passed or nothing is judged (there is no --fail_above, or the
results are of controls alone), 1 for an error, 2 where it is failed, 3 where it is undecided, as
while cells of the grid are missing.
"""

import sys

from absl.flags import FLAGS

from attacks import flags
from attacks.experiment import run_experiment
from attacks.grid.config import RunConfig
from attacks.report.verdict.verdict import exit_status
from attacks.report.verdict.verdict import UNDECIDED_STATUS
from attacks.schedule.progress import Progress
from models.processes.preemption import Preemption
from models.processes.workers import exit_if_lost
from revsig_keras.cli import program
from revsig_keras.cli.flags import naming_flags


def main(values=FLAGS):
    """flags -> run_experiment -> results -> report"""
    with naming_flags(RunConfig):
        config = flags.run_config(values)
        if flags.wants_list(values):
            print(config.listing())
            return
        with exit_if_lost(), Preemption() as preemption, Progress() as progress:
            results = run_experiment(config, progress, preemption)
    if results is None:  # The chief reports.
        return
    if not results:
        print("No cell is done yet; other runs in this directory are doing them.")
        sys.exit(0 if config.judgement.fail_above is None else UNDECIDED_STATUS)
    files = ", ".join(path.name for path in results.write())
    verdict = results.verdict()
    print(results.text(),
          f"Written: {files} in {results.directory}",
          verdict["sentence"],
          sep="\n\n")
    sys.exit(exit_status(verdict))


if __name__ == "__main__":
    flags.define()
    program.run(main)
