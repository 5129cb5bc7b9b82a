"""Tells of each output of a SavedModel whether it is defended, a label or clean.

  python -m revsig_keras.inspect DIR

DIR is the folder of a SavedModel, such as the folder of one version. An output is *defended* if all
data that reach it from the inputs pass a defence, *label* if they pass a defence or an argmax, and
*clean* otherwise. The exit status is 1 if any output of a signature, or of a function that Python
can reach, is clean.
"""
import sys

from absl import flags

from revsig_keras.cli import program
from revsig_keras.saved_model.inspection import inspect_saved_model


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of this program."""
    flags.DEFINE_bool("json", False, "Print JSON.", flag_values=values)
    flags.DEFINE_multi_string("allow_output", [],
                              "An output, NAME or SIGNATURE/NAME, that may be clean because the "
                              "scores cannot be computed from it. May be repeated.",
                              flag_values=values)


def main(path: str, values: flags.FlagValues = flags.FLAGS) -> None:
    report = inspect_saved_model(path)
    print(report.as_json() if values.json else report)
    leaks = report.leaks(values.allow_output)
    if leaks:
        # A signature of a server is one of Python too.
        places = {(f"attribute signatures.{leak.where.removeprefix('signature ')}", leak.name)
                  for leak in leaks}
        told = [leak for leak in leaks if (leak.where, leak.name) not in places]
        names = ", ".join(f"{leak.where}: {leak.name}" for leak in told)
        sys.exit(f"error: {len(told)} outputs are clean: {names}")


if __name__ == "__main__":
    define_flags()
    program.run(main, "DIR")
