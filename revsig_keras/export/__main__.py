"""Exports a defended model for TensorFlow Serving, as the next version in a folder.

  python -m revsig_keras.export --model=SOURCE --output=BASE --defence=reverse_sigmoid:beta=1

SOURCE is a .keras, .h5 or .hdf5 file, or the folder of a SavedModel from any program. The defended
model has the same signatures, names, dtypes and shapes, so a client does not notice. A model that
would give clean scores away is refused: see `python -m revsig_keras.inspect`. Put a --flagfile=FILE
before the flags that override it. Repeatable flags, such as --defence, add to those in the file.

  python -m revsig_keras.export --model=SOURCE --output=BASE --inputs=FILE.npz --max_l1=1

chooses the strength first: the strongest one inside the limits, on the rows in FILE. Its costs are
printed as by `python -m revsig_keras.tune`.
"""
from collections.abc import Collection

from absl import flags

from revsig_keras.cli import flags as cli_flags
from revsig_keras.cli import program
from revsig_keras.cli import tuning
from revsig_keras.cli.progress_line import progress_line
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.export.config import ExportConfig
from revsig_keras.export.exporting import export
from revsig_keras.options import build
from revsig_keras.strength.cost_limits import CostLimits

# Arguments of `ExportConfig` by flags that may be repeated.
RENAMED = {"allow_outputs": "allow_output", "drop_outputs": "drop_output"}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("model",
                        None, "The classifier: a .keras, .h5 or .hdf5 file, or the folder of a "
                        "SavedModel.",
                        required=True,
                        flag_values=values)
    flags.DEFINE_string("output",
                        None, "The folder of versions that the server polls; the next version is "
                        "written there.",
                        required=True,
                        flag_values=values)
    flags.DEFINE_multi_string("defence", [],
                              "The defence, MEMBER or NAME=MEMBER, where NAME is an output as for "
                              "--output_name and MEMBER is KIND or KIND:KEY=VALUE:KEY=VALUE. All "
                              f"of them: {_usage()}. Heads other than a softmax or one sigmoid "
                              "unit need reverse_sigmoid:from_logits=true, :multi_label=true or "
                              ":axis=N. Repeat it to defend several outputs. Leave it out for a "
                              ".keras file of a model that is defended already.",
                              flag_values=values)
    flags.DEFINE_multi_string("output_name", [],
                              "The output with the scores, NAME in every signature that has it, "
                              "or SIGNATURE/NAME. Needed where several outputs can be scores. For "
                              "several, repeat --defence=NAME=MEMBER instead.",
                              flag_values=values)
    flags.DEFINE_multi_string("allow_output", [],
                              "An output, NAME or SIGNATURE/NAME, that may stay as it is because "
                              "the scores cannot be computed from it. May be repeated.",
                              flag_values=values)
    flags.DEFINE_multi_string("drop_output", [],
                              "An output, NAME or SIGNATURE/NAME, to leave out. May be repeated.",
                              flag_values=values)
    flags.DEFINE_string("warmup",
                        None, "Sample inputs for a warm-up request: an .npy file, an .npz file "
                        "with an array for each input name, or a .tfrecord file of byte strings, "
                        "such as tf.Examples. The scores are tried on them too.",
                        flag_values=values)
    flags.DEFINE_string("inputs",
                        None, "Rows on which the strength is chosen, where there is a limit below: "
                        "a file as for --warmup, whose true labels are the array y, or y/NAME of "
                        "the output NAME. --defence then leaves out the options to choose: "
                        "reverse_sigmoid (the default), confidence_buckets or NAME=top_k.",
                        flag_values=values)
    cli_flags.define_flags(CostLimits, values)
    flags.DEFINE_string("state",
                        None,
                        "File for the state of a coded defence that is chosen, as JSON.",
                        flag_values=values)
    flags.DEFINE_bool("safe_mode",
                      True, "Whether to refuse layers that run code of a Keras file, such as "
                      "Lambda and TFSMLayer.",
                      flag_values=values)


def main(values: flags.FlagValues = flags.FLAGS) -> None:
    config = ExportConfig(model=values.model,
                          output=values.output,
                          defence=tuple(values.defence) or None,
                          output_name=_one_output_name(values.output_name),
                          allow_outputs=tuple(values.allow_output),
                          drop_outputs=tuple(values.drop_output),
                          warmup=values.warmup,
                          inputs=values.inputs,
                          limits=build(CostLimits, cli_flags.raw_values(CostLimits, values)),
                          state=values.state,
                          safe_mode=values.safe_mode)
    with progress_line() as begin:
        exported = export(config, begin)
    for name, choice in exported.choices.items():
        tuning.show(choice, values.state, name, is_exported=True)
        print()
    print(exported.report)
    for name in exported.untried:
        print(f"Not tried: {name}, for want of inputs. To try it, give some by --warmup=FILE.")
    if exported.has_reference_variables:
        print(
            "The model has reference variables of TensorFlow 1: it is served as before, but cannot "
            "be saved again by TensorFlow 2, which loses their values.")
    print(exported.path)


def _usage() -> str:
    """All defences with their options; `none` is not one."""
    return ", ".join(DEFENCES.spell(name) for name in DEFENCES.names if name != "none")


def _one_output_name(names: Collection[str]) -> str | None:
    different = list(dict.fromkeys(names))
    if len(different) > 1:
        raise ValueError("`output_name` must be one output. To defend several, repeat "
                         "`defence=NAME=MEMBER`. Received: " + ", ".join(different))
    return different[0] if different else None


if __name__ == "__main__":
    define_flags()
    program.run(main, renamed=RENAMED)
