"""Does the runs of a claim one after the other, and judges their results."""

from collections.abc import Sequence
import logging
import pathlib

from attacks.claims.criterion.claim import Trial
from attacks.claims.outcome.assessment import assess
from attacks.claims.outcome.assessment import Assessment
from attacks.experiment import run_experiment
from attacks.schedule.progress import Progress
from models.processes.preemption import Preemption

_LOG = logging.getLogger(__name__)


def reproduce(trial: Trial,
              base: pathlib.Path,
              options: Sequence[str] = (),
              preemption: Preemption | None = None) -> Assessment:
    """Completes the runs, with a progress bar for each, and judges the results.

    Args:
        trial: The runs and the criterion.
        base: The directory with a directory for each run. Complete runs stay as they are; others
            continue.
        options: Further flags of `attacks.run`, for all runs.
        preemption: Tells when the work has to end before it is done. Defaults to never.
    """
    for place, grid in enumerate(trial.grids):
        count, ahead = len(grid.cells()), trial.grids[place:]
        _LOG.info("Run %d of %d, %s: %d cells. From here on, %.2f hours are planned on two cores.",
                  place + 1, len(trial.grids), grid.name, count,
                  sum(each.planned_hours() for each in ahead))
        with Progress() as progress:
            results = run_experiment(grid.run(base, *options), progress, preemption)
        if results:
            results.write()
    return assess(trial, base)
