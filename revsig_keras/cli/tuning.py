"""The flags and the output of the tuning programs."""
import dataclasses
import json

from absl import flags
import numpy as np

from revsig_keras.strength.choose import choose_strength
from revsig_keras.version import __version__


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """The limits, and the files to write; `choose_strength` checks the limits.

    Attributes:
        max_l1: Limit of the mean L1 distance, `None` for none.
        max_kl_nats: Limit of the mean KL(clean || defended), `None` for none.
        max_ece: Limit of the expected calibration error, `None` for none.
        plot: File for the figure, `None` for none.
        json: File for the table as JSON, `None` for none.
    """
    max_l1: float | None = None
    max_kl_nats: float | None = None
    max_ece: float | None = None
    plot: str | None = None
    json: str | None = None


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of a `TuneConfig`; called by programs only, so importing defines none."""
    flags.DEFINE_float("max_l1",
                       None, "Limit of the mean L1 distance between clean and defended answers, "
                       "which is at most 2.",
                       flag_values=values)
    flags.DEFINE_float("max_kl_nats",
                       None,
                       "Limit of the mean KL(clean || defended) in nats.",
                       flag_values=values)
    flags.DEFINE_float("max_ece",
                       None, "Limit of the expected calibration error of the defended answers; "
                       "needs true labels.",
                       flag_values=values)
    flags.DEFINE_string("plot",
                        None,
                        "File for a figure of the frontier, such as frontier.png.",
                        flag_values=values)
    flags.DEFINE_string("json", None, "File for the frontier as JSON.", flag_values=values)


def make_config(values: flags.FlagValues = flags.FLAGS) -> TuneConfig:
    """Makes a `TuneConfig` of the flags."""
    return TuneConfig(
        **{field.name: values[field.name].value for field in dataclasses.fields(TuneConfig)})


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
