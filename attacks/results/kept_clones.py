"""Clones on disk, with their answers on the test rows."""

import io
import os
import pathlib
import tempfile

import numpy as np

from attacks.clone.clone import Clone
from attacks.grid.cell import Cell
from models.data.streamed import Inputs
from models.processes.files import write_atomically


def keep_clone(directory: pathlib.Path, cell: Cell, clone: Clone, test_inputs: Inputs) -> None:
    """Writes `clones/ID.keras` and `clones/ID.npz`, ID that of the cell.

    The model has float32 inputs and probabilities, with a layer `logits` before its softmax. The
    NumPy file holds `probabilities`, float32 `[test rows, classes]`, in the order of the test rows
    that the record of the cell identifies by `rows.test_rows`.

    Args:
        directory: The output directory.
        cell: The cell.
        clone: Its clone.
        test_inputs: The inputs of the test rows.
    """
    clones = directory / "clones"
    clones.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        # Keras writes to a path only, and not atomically.
        path = pathlib.Path(temporary, "clone.keras")
        clone.save(os.fspath(path))
        write_atomically(clones / f"{cell.id}.keras", path.read_bytes(), overwrite=True)
    answers = io.BytesIO()
    np.savez_compressed(answers, probabilities=clone.probabilities(test_inputs))
    write_atomically(clones / f"{cell.id}.npz", answers.getvalue(), overwrite=True)
