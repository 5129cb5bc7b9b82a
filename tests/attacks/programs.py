"""Programs of the experiments, run as a user runs them, and what they leave."""
import csv
import functools

from absl import flags as absl_flags

from attacks import flags
from attacks import run
from revsig_keras.cli import program


def call(*arguments):
    """Runs `attacks.run` in this process; returns the exit status and what an error says.

    Clones are trained one at a time unless the arguments say otherwise: threads compile by
    themselves, and compiling is most of what a small run does.
    """
    try:
        values = parsed("--clones_per_device=1", *arguments)
        program.guarded(functools.partial(run.main, values))
    except SystemExit as stop:
        return stop.code
    return 0


def parsed(*arguments):
    """The flags of `attacks.run` as a command line gives them."""
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["attacks.run", *map(str, arguments)])
    return values


def summary(directory):
    with open(directory / "summary.csv", newline="") as file:
        return list(csv.DictReader(file))


def figures(directory):
    """All that must not depend on when and how often a run was started."""
    return [{
        name: value for name, value in row.items() if not name.endswith("seconds")
    } for row in summary(directory)]
