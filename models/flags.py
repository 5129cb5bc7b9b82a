"""The flags of data sets, victims and devices; programs define them, imports do not."""
from absl import flags

from models.data.loading import DataConfig
from models.processes.config import ProcessConfig
from models.victim import VictimConfig
from revsig_keras.cli.flags import define_flags
from revsig_keras.cli.flags import raw_values
from revsig_keras.options import build

# The flags belong to the program: its --help lists them.
flags.disclaim_key_flags()


def define_data_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of a `DataConfig`."""
    define_flags(DataConfig, values)


def define_training_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of a `VictimConfig` and of a `ProcessConfig`."""
    define_flags(VictimConfig, values)
    define_flags(ProcessConfig, values)


def data_config(values: flags.FlagValues = flags.FLAGS) -> DataConfig:
    """Returns the `DataConfig` of the command line."""
    return build(DataConfig, raw_values(DataConfig, values))


def victim_config(values: flags.FlagValues = flags.FLAGS) -> VictimConfig:
    """Returns the `VictimConfig` of the command line."""
    return build(VictimConfig, raw_values(VictimConfig, values))


def process_config(values: flags.FlagValues = flags.FLAGS) -> ProcessConfig:
    """Returns the `ProcessConfig` of the command line."""
    return build(ProcessConfig, raw_values(ProcessConfig, values))
