"""Decodes the answers of a coded defence by its table, as a client in any language can.

The table is `assets.extra/code_table.json` in the folder of the exported version. Nothing but JSON
and arithmetic is needed.
"""
import json
import pathlib

import numpy as np


def load(path, output=None):
    """Returns the table in a file; where outputs have different ones, that of "SIGNATURE/OUTPUT".

    Raises:
        ValueError: If there are several tables, and none of `output`.
    """
    table = json.loads(pathlib.Path(path).read_text("utf-8"))
    if "outputs" not in table:
        return table
    if output not in table["outputs"]:
        raise ValueError(f"`output` must be one of {', '.join(table['outputs'])}. Received: "
                         f"output={output!r}")
    return table["outputs"][output]


def decode(table, answers):
    """Returns the label and the calibrated confidence of each answer.

    Args:
        table: The table of the defence, as `load` returns it.
        answers: Array `(rows, classes)`; `(rows, 1)` of a sigmoid unit, whose labels are 0 and 1.

    Raises:
        ValueError: If an answer is none of this defence, or was rounded too far.
    """
    rows = np.asarray(answers, "float64")
    if rows.shape[1] == 1:
        rows = np.concatenate([1 - rows, rows], axis=1)
    # Of equal entries the first, and no answer of a coded defence has two largest ones.
    labels = rows.argmax(axis=1)
    distances = np.abs(rows.max(axis=1)[:, None] - table["label_shares"])
    buckets = distances.argmin(axis=1)
    if rows.shape[1] != table["classes"] or not (distances.min(axis=1) < table["tolerance"]).all():
        raise ValueError("`answers` must be answers of the defence that `table` describes")
    return labels, np.array(table["confidences"])[buckets]


def show(digits, answers, path=None):
    """Prints answers to images of digits, decoded if there is a table at `path`."""
    if path is None:
        for digit, row in zip(digits, answers):
            print(f"A '{digit}', served as '{row.argmax()}':", *(f"{p:.2f}" for p in row))
        return
    for digit, label, confidence in zip(digits, *decode(load(path), answers)):
        print(f"A '{digit}', served as '{label}' with confidence {confidence:.4f}")
