"""The options and the output of the tuning programs."""
import dataclasses
import json
import os

import numpy as np

from revsig_keras.extras import require
from revsig_keras.options import option
from revsig_keras.strength.choice import Choice
from revsig_keras.strength.choose import choose_strength
from revsig_keras.strength.code_choice import CodeChoice
from revsig_keras.strength.cost_limits import CostLimits
from revsig_keras.version import __version__


@dataclasses.dataclass(frozen=True)
class TuneConfig(CostLimits):
    """The defence, the limits, and the files to write; `choose_strength` checks them.

    Each field is an option of the tuning programs.
    """
    defence: str = option(
        "reverse_sigmoid", "The defence, NAME or NAME:KEY=VALUE:KEY=VALUE, without the options to "
        "choose: reverse_sigmoid, a coded defence without bits and state, such as "
        "confidence_buckets or decoy:decoys=3, rounding, top_k, random_noise or label_only.")
    state: str | None = option(
        None, "File for the state of a coded defence as JSON, which the defence's option state "
        "reads.")
    plot: str | None = option(None, "File for a figure of the frontier, such as frontier.png.")
    json: str | None = option(None, "File for the frontier as JSON.")

    def __post_init__(self) -> None:
        if self.plot is not None:
            require("plot", "`plot`")


def tune(probabilities: np.ndarray, labels: np.ndarray | None, config: TuneConfig) -> None:
    """Chooses a strength, prints it, and writes the files of `config`; see `show`.

    Args:
        probabilities: Array `(rows, classes)`, clean; `(rows, 1)` of one sigmoid unit.
        labels: Integer array `(rows,)`, or `None`.
        config: The defence, the limits and the files to write.
    """
    choice = choose_strength(probabilities, labels, defence=config.defence, **config.as_arguments())
    write(choice, config)


def write(choice: Choice, config: TuneConfig, name: str | None = None) -> None:
    """Shows a choice, and writes the files of `config`; `name` is as for `show`."""
    if config.state is not None:
        _write_state(choice, config.state)
    code, member = show(choice, config.state, name)
    if config.json is not None:
        record = {"revsig_keras": __version__, "code": code, "member": member, **choice.as_dict()}
        with open(config.json, "w", encoding="utf-8") as file:
            # JSON has no infinity, and nothing here is infinite.
            file.write(json.dumps(record, indent=2, allow_nan=False) + "\n")
    if config.plot is not None:
        choice.plot(config.plot)


def show(choice: Choice,
         state: str | os.PathLike[str] | None,
         name: str | None = None,
         is_exported: bool = False) -> tuple[str, str]:
    """Prints a choice, the line of Python that makes the layer, and the text for `--defence`.

    Args:
        choice: The choice.
        state: The file that has the state of a coded defence, `None` if there is none.
        name: The output that it is for, where there are several.
        is_exported: Whether a model with the layer has been exported.

    Returns:
        The line and the text.
    """
    code, member = choice.code, choice.member()
    if isinstance(choice, CodeChoice) and state is not None:
        code, member = choice.code_with(state), choice.member(state)
    if name is not None:
        print(f"{name}:")
    print(choice)
    print()
    print(code)
    print(f"--defence={member}" if name is None else f"--defence={name}={member}")
    if isinstance(choice, CodeChoice) and state is None:
        print("The export has its state, and no file has: give --state=FILE.json for one."
              if is_exported else
              "Nothing is written yet: give --state=FILE.json for the file that it reads.")
    return code, member


def _write_state(choice: Choice, path: str) -> None:
    if not isinstance(choice, CodeChoice):
        raise ValueError("`state` must be left out for a defence that has none. Received: "
                         f"state={path}")
    choice.member(path)  # Refuses a path that no text can hold.
    choice.write_state(path)
