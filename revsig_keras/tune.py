r"""Chooses the strength of the defence for a classifier in a file.

  python -m revsig_keras.tune --model=SOURCE --inputs=FILE.npz --max_l1=1
  python -m revsig_keras.tune --model=SOURCE --inputs=FILE.npz --defence=confidence_buckets \
      --max_auroc_loss=.01 --state=STATE.json

SOURCE is what `python -m revsig_keras.export` takes: a .keras, .h5 or .hdf5 file, or the folder of
a SavedModel. The inputs are the array `x`, exactly as the model takes them, or arrays with the
names of its inputs, and for limits on calibration and AUROC the array `y` of true labels; use rows
that the model was not trained on. The program prints what each strength costs, and for the
strongest one inside the limits the line of code that makes the layer, and the text for --defence of
other programs. Of a coded defence, the strongest has the fewest bits; its edges and confidences are
fitted to one half of the rows, its costs are measured on the other half, and --state is where its
state is written, which that text names.
"""
import pathlib

from absl import flags

from revsig_keras.cli import flags as cli_flags
from revsig_keras.cli import program
from revsig_keras.cli import tuning
from revsig_keras.export import legacy
from revsig_keras.export.choosing import choose_for_keras_model
from revsig_keras.export.choosing import choose_for_saved_model
from revsig_keras.export.choosing import Choosing
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.export.named_defences import read_defences
from revsig_keras.export.scores import OutputChoice
from revsig_keras.options import build
from revsig_keras.saved_model import files
from revsig_keras.strength.choice import Choice


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("model",
                        None, "The classifier: a .keras, .h5 or .hdf5 file, or the folder of a "
                        "SavedModel.",
                        required=True,
                        flag_values=values)
    flags.DEFINE_string("inputs",
                        None, "The rows: an .npz file with the inputs x, or arrays with the names "
                        "of the inputs, and, for limits on calibration and AUROC, the true labels "
                        "y; or an .npy or .tfrecord file with the only input.",
                        required=True,
                        flag_values=values)
    flags.DEFINE_string("output_name",
                        None, "The output with the scores, NAME or SIGNATURE/NAME, where there "
                        "are several.",
                        flag_values=values)
    flags.DEFINE_bool("safe_mode",
                      True, "Whether to refuse layers that run code of a Keras file, such as "
                      "Lambda and TFSMLayer.",
                      flag_values=values)
    cli_flags.define_flags(tuning.TuneConfig, values)


def main(values: flags.FlagValues = flags.FLAGS) -> None:
    config = build(tuning.TuneConfig, cli_flags.raw_values(tuning.TuneConfig, values))
    texts = read_defences([config.defence], values.output_name)
    name, choice = _choose(values, Choosing(values.inputs, config, texts))
    tuning.write(choice, config, name)


def _choose(values: flags.FlagValues, choosing: Choosing) -> tuple[str | None, Choice]:
    """The output that a strength is chosen for, `None` for the only one, and the choice."""
    outputs = OutputChoice(values.output_name)
    if files.is_saved_model(values.model):
        choices, _ = choose_for_saved_model(choosing, pathlib.Path(values.model), outputs, None)
    elif legacy.is_taken(values.model):
        with legacy.as_saved_model(values.model, values.safe_mode) as folder:
            choices, _ = choose_for_saved_model(choosing, folder, outputs, None)
    else:
        model = load_keras_file(values.model, "`model`", values.safe_mode)
        _, choices, _ = choose_for_keras_model(choosing, model, values.output_name, None)
    (name, choice), = choices.items()
    return name, choice


if __name__ == "__main__":
    define_flags()
    program.run(main)
