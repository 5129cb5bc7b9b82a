"""Programs of the experiments, run as a user runs them, and what they leave."""
import csv
import functools
import os
import pathlib
import signal
import subprocess
import sys

from absl import flags as absl_flags

from attacks import flags
from attacks import run
from revsig_keras.cli import program

ROOT = pathlib.Path(__file__).parents[2]


def python(*arguments):
    """Starts a module. Not with `preexec_fn`: it needs a fork, of which gRPC's threads die."""
    # A shell starts background commands deaf to SIGINT, and their children would be deaf too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.Popen([sys.executable, "-m", *map(str, arguments)],
                            cwd=ROOT,
                            env=environment,
                            text=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def call(*arguments):
    """Runs `attacks.run` in this process; returns the exit status and what an error says."""
    try:
        program.guarded(functools.partial(run.main, parsed(*arguments)))
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
        name: value for name, value in row.items() if name != "train_seconds"
    } for row in summary(directory)]
