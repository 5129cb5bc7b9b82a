"""The flags that all benchmarks share; the only place of this package that reads them."""
import dataclasses
import os
import re

from absl import flags


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig:
    """What a benchmark is asked for.

    Attributes:
        quick: Whether a first look is enough.
        only: Regular expression that is found in the names of the rows to measure.
        profile: Whether to show after each row where our time goes.
        json: File for the figures, `None` for none.
        peer_python: A Python that has the peer, `None` for no peer.

    Raises:
        ValueError: If a value is not as described, or the file could not be written.
    """
    quick: bool = False
    only: str = ""
    profile: bool = False
    json: str | None = None
    peer_python: str | None = None

    def __post_init__(self):
        try:
            re.compile(self.only)
        except re.error as error:
            raise ValueError(f"--only must be a regular expression. Received: {self.only}: "
                             f"{error}") from error
        if self.json is None:
            return
        directory = os.path.dirname(os.path.abspath(self.json))
        is_new = os.path.isfile(self.json) or not os.path.exists(self.json)
        if not is_new or not os.access(directory, os.W_OK):
            raise ValueError("--json must be a file in a directory that can be written to. "
                             f"Received: {self.json}")


def define_flags(values=flags.FLAGS):
    """Defines the flags of a `BenchmarkConfig`; called by programs only."""
    flags.DEFINE_bool("quick",
                      False,
                      "Fewer repeats, steps and shapes: a first look, within minutes.",
                      flag_values=values)
    flags.DEFINE_string("only",
                        "",
                        "Measure only the rows in whose names this regular expression is found.",
                        flag_values=values)
    flags.DEFINE_bool("profile",
                      False,
                      "Show after each row what our time went to, by the TensorFlow profiler.",
                      flag_values=values)
    flags.DEFINE_string("json", None, "File for the figures as JSON.", flag_values=values)
    flags.DEFINE_string("peer_python",
                        None, "A Python that has adversarial-robustness-toolbox, to compare with. "
                        "Without it, the rows of that comparison have our figures only.",
                        flag_values=values)


def make_config(values=flags.FLAGS) -> BenchmarkConfig:
    """The `BenchmarkConfig` that the flags ask for."""
    return BenchmarkConfig(
        **{field.name: values[field.name].value for field in dataclasses.fields(BenchmarkConfig)})
