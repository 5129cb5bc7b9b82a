"""Models in .keras files."""
import os

import keras

from revsig_keras.defended_model.outputs import names
from revsig_keras.defended_model.outputs import structure
from revsig_keras.errors import first_line

# What Keras calls the signatures of a SavedModel.
_SIGNATURES = ("serve", "serving_default")


def load_keras_file(path: str | os.PathLike[str], argument: str) -> keras.Model:
    """Loads a model, not compiled.

    Args:
        path: A .keras file.
        argument: What error messages call the file, such as "`model`".

    Raises:
        ValueError: If the file cannot be read.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # pylint: disable=broad-except
        # A damaged file may raise anything, in its archive, its configuration or its weights.
        raise ValueError(f"{argument} must be a readable .keras file. Received: "
                         f"{path}: {first_line(error)}") from error


def output_of(model: keras.Model, name: str | None) -> str | int | None:
    """The output of a model that is called `name` in Python or in the SavedModel of the model.

    Args:
        model: Keras model.
        name: As for the argument `output` of `DefendedModel`, or the name that Keras gives the
            output in a signature, "output" or "signature/output"; `None` for the only output.

    Returns:
        An output as for `DefendedModel`; `name` itself where the outputs are not known.
    """
    outputs = structure(model, "output")
    if outputs is None or name is None:
        return name
    known = names(outputs)
    served = {f"output_{index}": output for index, output in enumerate(known)}
    if isinstance(outputs, dict):
        served = {str(output): output for output in known}
    served.update({str(output): output for output in known if output is not None})
    for signature in _SIGNATURES:
        plain = name.removeprefix(f"{signature}/")
        if name not in model.output_names and plain in served:
            return served[plain]
    return name
