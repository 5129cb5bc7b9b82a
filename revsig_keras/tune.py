r"""Chooses the strength of the defence for a classifier in a file.

  python -m revsig_keras.tune --model=victim.keras --inputs=FILE.npz --max_l1=1
  python -m revsig_keras.tune --model=victim.keras --inputs=FILE.npz --defence=confidence_buckets \
      --max_auroc_loss=.01 --state=STATE.json

The inputs are the array `x`, exactly as the model takes them, and for limits on calibration and
AUROC the array `y` of true labels; use rows that the model was not trained on. The program prints
what each strength costs, and for the strongest one inside the limits the line of code that makes
the layer, and the text for --defence of other programs. Of a coded defence, the strongest has the
fewest bits; its edges and confidences are fitted to one half of the rows, its costs are measured on
the other half, and --state is where its state is written, which that text names.
"""
from absl import flags
import keras
import numpy as np

from revsig_keras.cli import flags as cli_flags
from revsig_keras.cli import program
from revsig_keras.cli import tuning
from revsig_keras.defended_model.model import DefendedModel
from revsig_keras.errors import first_line
from revsig_keras.export.keras_files import load_keras_file
from revsig_keras.files.arrays import load_npz
from revsig_keras.options import build


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of this program."""
    flags.DEFINE_string("model",
                        None,
                        "The classifier, a .keras file.",
                        required=True,
                        flag_values=values)
    flags.DEFINE_string("inputs",
                        None, "A NumPy .npz file with the inputs x and, for limits on calibration "
                        "and AUROC, the true labels y.",
                        required=True,
                        flag_values=values)
    cli_flags.define_flags(tuning.TuneConfig, values)


def main(values: flags.FlagValues = flags.FLAGS) -> None:
    x, y = _load_inputs(values.inputs)
    probabilities = _predict(_load_model(values.model), x, values.inputs)
    config = build(tuning.TuneConfig, cli_flags.raw_values(tuning.TuneConfig, values))
    tuning.tune(probabilities, y, config)


def _load_inputs(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    arrays = load_npz(path, ["x"], ["y"], argument="`inputs`")
    x, y = arrays["x"], arrays.get("y")
    if x.dtype.kind not in "biuf" or x.ndim < 2 or len(x) == 0:
        raise ValueError("`inputs` must have x of numbers, of shape (n, ...), n at least 1. "
                         f"Received: {path} with x of dtype {x.dtype} and shape {x.shape}")
    return x, y


def _load_model(path: str) -> keras.Model:
    """The classifier in a file, without its defence if it has one."""
    model = load_keras_file(path, "`model`")
    if isinstance(model, DefendedModel):
        defence = model.defence
        if (defence.from_logits or defence.multi_label or defence.axis != -1 or
                model.defended_output is not None):
            raise ValueError(
                "`model` must emit the probabilities of one softmax, or of one sigmoid "
                "unit, classes last. For logits, several labels, other axes and "
                "several outputs, call `revsig_keras.choose_strength` on the "
                f"probabilities. Received: {path}, defended by {defence!r}")
        return model.model
    DefendedModel(model)  # Checks that it can be defended.
    return model


def _predict(model: keras.Model, x: np.ndarray, path: str) -> np.ndarray:
    fits = "`inputs` must have x as `model` takes it"
    expected = getattr(model, "input_shape", None)
    if isinstance(expected, tuple) and not _fits(x.shape, expected):
        raise ValueError(f"{fits}, of shape {expected}. Received: {path} with x of shape {x.shape}")
    try:
        return np.asarray(model.predict(x, batch_size=256, verbose=0))
    except Exception as error:  # pylint: disable=broad-except
        # A model of other inputs may raise anything.
        raise ValueError(f"{fits}. Received: {path} with x of dtype {x.dtype} and shape "
                         f"{x.shape}: {first_line(error)}") from error


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        size in (None, given) for given, size in zip(shape, expected))


if __name__ == "__main__":
    define_flags()
    program.run(main)
