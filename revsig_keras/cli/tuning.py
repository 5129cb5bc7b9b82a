"""The options and the output of the tuning programs."""
import dataclasses
import json

import numpy as np

from revsig_keras.extras import require
from revsig_keras.options import option
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choose import choose_strength
from revsig_keras.strength.code_choice import CodeChoice
from revsig_keras.version import __version__


@dataclasses.dataclass(frozen=True)
class TuneConfig:
    """The defence, the limits, and the files to write; `choose_strength` checks them.

    Each field is an option of the tuning programs.
    """
    defence: str = option(
        "reverse_sigmoid", "The defence, NAME or NAME:KEY=VALUE:KEY=VALUE: reverse_sigmoid, or a "
        "coded defence without bits and state, such as confidence_buckets or decoy:decoys=3.")
    max_l1: float | None = option(
        None, "Limit of the mean L1 distance between clean and defended answers, which is at most "
        "2.")
    max_kl_nats: float | None = option(None, "Limit of the mean KL(clean || defended) in nats.")
    max_ece: float | None = option(
        None, "Limit of the expected calibration error of the defended answers (as decoded, of a "
        "coded defence); needs true labels.")
    max_auroc_loss: float | None = option(
        None, "Limit of what is lost of the AUROC of the confidence for being right (as decoded, "
        "of a coded defence); needs true labels.")
    max_ece_loss: float | None = option(
        None, "Limit of what is added to the expected calibration error (as decoded, of a coded "
        "defence); needs true labels.")
    max_brier_loss: float | None = option(
        None, "Limit of what is added to the Brier score (as decoded, of a coded defence); needs "
        "true labels.")
    state: str | None = option(
        None, "File for the state of a coded defence as JSON, which the defence's option state "
        "reads.")
    plot: str | None = option(None, "File for a figure of the frontier, such as frontier.png.")
    json: str | None = option(None, "File for the frontier as JSON.")

    def __post_init__(self) -> None:
        if self.plot is not None:
            require("plot", "`plot`")


def tune(probabilities: np.ndarray, labels: np.ndarray | None, config: TuneConfig) -> None:
    """Chooses a strength, prints it, and writes the files of `config`.

    Below the table are the line of Python that makes the layer, and the text for `--defence`.

    Args:
        probabilities: Array `(rows, classes)`, clean; `(rows, 1)` of one sigmoid unit.
        labels: Integer array `(rows,)`, or `None`.
        config: The defence, the limits and the files to write.
    """
    choice = choose_strength(probabilities,
                             labels,
                             max_l1=config.max_l1,
                             max_kl_nats=config.max_kl_nats,
                             max_ece=config.max_ece,
                             defence=config.defence,
                             max_auroc_loss=config.max_auroc_loss,
                             max_ece_loss=config.max_ece_loss,
                             max_brier_loss=config.max_brier_loss)
    if config.state is not None:
        _write_state(choice, config.state)
    code, member = choice.code, choice.member()
    if isinstance(choice, CodeChoice) and config.state is not None:
        code, member = choice.code_with(config.state), choice.member(config.state)
    print(choice)
    print()
    print(code)
    print(f"--defence={member}")
    if isinstance(choice, CodeChoice) and config.state is None:
        print("Nothing is written yet: give --state=FILE.json for the file that it reads.")
    if config.json is not None:
        record = {"revsig_keras": __version__, "code": code, "member": member, **choice.as_dict()}
        with open(config.json, "w", encoding="utf-8") as file:
            # JSON has no infinity, and nothing here is infinite.
            file.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
    if config.plot is not None:
        choice.plot(config.plot)


def _write_state(choice: Choice, path: str) -> None:
    if not isinstance(choice, CodeChoice):
        raise ValueError("`state` must be left out for a defence that has none. Received: "
                         f"state={path}")
    choice.member(path)  # Refuses a path that no text can hold.
    choice.write_state(path)
