"""The flags of `attacks.run`, made from the options of a `RunConfig`; no import defines any."""

import logging

from absl import flags

from attacks.endpoint.config import RemoteConfig
from attacks.grid.config import RunConfig
from attacks.grid.experiment_config import LOCAL
from models.training import precision
from models.victim import VictimConfig
from models.victim import VictimFile
from revsig_keras.cli.flags import define_flags
from revsig_keras.cli.flags import raw_values
from revsig_keras.options import options_of

_LOG = logging.getLogger(__name__)

# The flags belong to the program: its --help lists them.
flags.disclaim_key_flags()


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of `attacks.run`."""
    define_flags(RunConfig, values)
    flags.DEFINE_bool("list_cells",
                      False,
                      "Lists the cells of the grid with their places, for --cells, and ends.",
                      flag_values=values)


def parse(*arguments: str) -> RunConfig:
    """The run that a command line of `attacks.run` asks for, such as `--flagfile=FILE`.

    Raises:
        ValueError: If there is no such run.
    """
    values = flags.FlagValues()
    define(values)
    try:
        values(["attacks.run", *arguments])
    except flags.Error as error:
        raise ValueError(f"{error}. Received: {' '.join(arguments)}") from error
    return run_config(values)


def run_config(values: flags.FlagValues = flags.FLAGS) -> RunConfig:
    """The run that the command line asks for.

    Raises:
        ValueError: If a flag is refused, or is given where it means nothing.
    """
    raw = raw_values(RunConfig, values)
    _refuse_meaningless(values, is_remote=raw["oracle"] != LOCAL)
    _refuse_without_victim(values)
    if raw["precision"] == "auto":
        raw["precision"], reason = precision.fastest()
        _LOG.info("--precision=auto: %s, as %s.", raw["precision"], reason)
    return RunConfig.from_options(raw)


def wants_list(values: flags.FlagValues = flags.FLAGS) -> bool:
    """Whether the cells are to be listed, not done."""
    return values["list_cells"].value


def _refuse_meaningless(values, is_remote):
    """Refuses flags of a local oracle for a remote one, and the other way round."""
    local = ["defences", "victim_seeds", "split_seeds", *_names(VictimFile), *_names(VictimConfig)]
    remote = [name for name in _names(RemoteConfig) if name != "oracle"]
    given = [name for name in (local if is_remote else remote) if values[name].present]
    if given and is_remote:
        raise ValueError("A remote oracle has its own victim and defence. Received: "
                         f"`--{given[0]}`, which must be left out")
    if given:
        raise ValueError(f"`--{given[0]}` must be given with a remote --oracle only. "
                         f"Received: --oracle={LOCAL}")


def _refuse_without_victim(values):
    """Refuses flags of a victim that exists, where one is trained."""
    given = [name for name in _names(VictimFile) if values[name].present]
    if given and "victim" not in given:
        raise ValueError(f"`--{given[0]}` must be given with --victim only. "
                         f"Received: --{given[0]} alone")


def _names(config):
    return [option.name for option in options_of(config)]
