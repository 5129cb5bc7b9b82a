"""Chooses the strength of the defence for a victim, on its validation split.

  python -m models.tune --dataset=digits --victim=DIR --max_l1=1

The victim is one that models.train has written. Test data is not used. Prints the cost of each
strength, and for the strongest one within the limits the line of code that makes the layer, and the
text for --defence of other programs. `--defence=confidence_buckets --max_auroc_loss=.01
--state=STATE.json` chooses the bits of a coded defence; see revsig_keras.tune.
"""
from absl import flags

from models import flags as model_flags
from models import victim as victims
from models.data import splits
from revsig_keras.cli import flags as cli_flags
from revsig_keras.cli import program
from revsig_keras.cli import tuning
from revsig_keras.options import build


def define_flags(values=flags.FLAGS):
    """Defines the flags of this program."""
    flags.DEFINE_string("victim",
                        None,
                        "The victim: its directory, or its .keras file.",
                        required=True,
                        flag_values=values)
    model_flags.define_data_flags(values)
    cli_flags.define_flags(tuning.TuneConfig, values)


def main(values=flags.FLAGS):
    config = build(tuning.TuneConfig, cli_flags.raw_values(tuning.TuneConfig, values))
    tune(model_flags.data_config(values), values.victim, config)


def tune(data_config, path, config):
    """Tunes for the victim at `path` on its validation rows.

    Args:
        data_config: The `DataConfig` that the victim was trained with.
        path: `victim.keras`, or its directory.
        config: A `TuneConfig`.
    """
    dataset = data_config.load()
    victim = victims.load_victim(path, dataset, data_config.split_seed)
    rows = splits.split(dataset, data_config.split_seed).victim_validation
    tuning.tune(victim.probabilities(rows.x), rows.y, config)


if __name__ == "__main__":
    define_flags()
    program.run(main)
