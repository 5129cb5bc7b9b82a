"""The options and the output of the tuning programs."""
import dataclasses
import json

import numpy as np

from revsig_keras.extras import require
from revsig_keras.options import option
from revsig_keras.strength.choose import choose_strength
from revsig_keras.version import __version__


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """The limits, and the files to write; `choose_strength` checks the limits.

    Each field is an option of the tuning programs.
    """
    max_l1: float | None = option(
        None, "Limit of the mean L1 distance between clean and defended answers, which is at most "
        "2.")
    max_kl_nats: float | None = option(None, "Limit of the mean KL(clean || defended) in nats.")
    max_ece: float | None = option(
        None, "Limit of the expected calibration error of the defended answers; needs true labels.")
    plot: str | None = option(None, "File for a figure of the frontier, such as frontier.png.")
    json: str | None = option(None, "File for the frontier as JSON.")

    def __post_init__(self) -> None:
        if self.plot is not None:
            require("plot", "`plot`")


def tune(probabilities: np.ndarray, labels: np.ndarray | None, config: TuneConfig) -> None:
    """Chooses a strength, prints it, and writes the files of `config`.

    Args:
        probabilities: Array `(rows, classes)`, clean; `(rows, 1)` of one sigmoid unit.
        labels: Integer array `(rows,)`, or `None`.
        config: The limits and the files to write.
    """
    choice = choose_strength(probabilities,
                             labels,
                             max_l1=config.max_l1,
                             max_kl_nats=config.max_kl_nats,
                             max_ece=config.max_ece)
    print(choice)
    print()
    print(choice.code)
    if config.json is not None:
        record = {"revsig_keras": __version__, "code": choice.code, **choice.as_dict()}
        with open(config.json, "w", encoding="utf-8") as file:
            # JSON has no infinity, and nothing here is infinite.
            file.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
    if config.plot is not None:
        choice.plot(config.plot)
