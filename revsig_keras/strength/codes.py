"""Searches the numbers of bits of a coded defence."""
from collections.abc import Callable
import math
from typing import Any
import warnings

from keras import ops
import numpy as np

from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.defences.coded.honest_rows import honest_rows
from revsig_keras.defences.coded.state import MOST_BITS
from revsig_keras.registry import parse_member
from revsig_keras.strength.choice import HEAD_DEFAULTS
from revsig_keras.strength.code_choice import CodeChoice
from revsig_keras.strength.code_row import CodeRow
from revsig_keras.strength.costs import clean_utility
from revsig_keras.strength.costs import measure
from revsig_keras.strength.costs import OwnerRows
from revsig_keras.strength.limits import Limits
from revsig_keras.strength.progress import progress
from revsig_keras.strength.utility import Utility

# Options that are chosen.
CHOSEN = ("bits", "state")


def choose(rows: OwnerRows, limits: Limits, text: str, plain: CodedDefence) -> CodeChoice:
    """Returns the fewest bits inside the limits; see `choose_strength`.

    Args:
        rows: The owner's rows.
        limits: The limits.
        text: The textual form of the defence.
        plain: The defence that it makes.

    Raises:
        ValueError: If no number of bits is inside the limits, or can be fitted.
    """
    _check_options(text)
    fitted, measured = rows.halves()
    if not len(measured):
        raise ValueError("`probabilities` must have 2 rows or more, to fit a coded defence to one "
                         "half and to measure it on the other. Received: 1 row")
    clean = clean_utility(measured)
    limits.check_utility(clean)
    found: list[tuple[CodeRow, CodedDefence]] = []
    with progress("Measuring bits", len(measured) * (MOST_BITS + 1)) as advance:
        for bits in range(MOST_BITS + 1):
            try:
                layer = _fit(plain, bits, fitted)
            except ValueError:
                if bits == MOST_BITS and not found:
                    raise
                continue  # The output's dtype has no room for more confidences, for example.
            found.append((_measure(layer, measured, limits, clean, advance), layer))
    inside = [(row, layer) for row, layer in found if row.inside_limits]
    if not inside:
        row, reason = limits.nothing_inside([row for row, _ in found])
        raise ValueError(f"No number of bits {reason}, with {row.bits} bits. Allow more")
    row, layer = inside[0]
    return CodeChoice(row=row,
                      rows=tuple(row for row, _ in found),
                      limits=limits.given,
                      clean=clean,
                      num_rows=len(measured),
                      num_classes=rows.classes,
                      fitted_rows=len(fitted),
                      defence=text,
                      state=layer.state)


def _check_options(text: str) -> None:
    options = parse_member(text).options
    for name in CHOSEN:
        if name in options:
            raise ValueError(f"`defence` must leave out {name}, which is chosen. Received: {text}")
    for name in HEAD_DEFAULTS:
        if name in options:
            raise ValueError(f"`defence` must leave out {name}, since `probabilities` are rows of "
                             f"classes in any case: give it to `choice.layer({name}=...)`. "
                             f"Received: {text}")


def _fit(plain: CodedDefence, bits: int, rows: OwnerRows) -> CodedDefence:
    config = {**plain.get_config(), "bits": bits, "dtype": "float32"}
    del config["state"]
    layer = type(plain)(**config)
    with warnings.catch_warnings():
        # The table shows how many bits are effective.
        warnings.simplefilter("ignore", UserWarning)
        layer.adapt(rows.probabilities, rows.labels)
    return layer


def _measure(layer: CodedDefence, rows: OwnerRows, limits: Limits, clean: Utility | None,
             advance: Callable[[int], None]) -> CodeRow:

    def given(batch: np.ndarray) -> np.ndarray:
        return ops.convert_to_numpy(layer(batch))[None]

    def decoded(batch: np.ndarray) -> np.ndarray:
        return honest_rows(layer, given(batch)[0]).astype("float32")[None]

    costs, = measure(rows, given, 1, advance)
    values: dict[str, Any] = {"l1": costs.l1, "kl_nats": costs.kl_nats}
    utility = None if clean is None else measure(rows, decoded, 1)[0].utility
    if clean is not None and utility is not None:
        values |= {"ece": utility.ece, **utility.losses(clean)}
        values |= {"given": costs.utility, "decoded": utility}
    orders = layer.most_answers(rows.classes) / (rows.classes * 2**layer.bits)
    effective = layer.code.effective_bits
    return CodeRow(bits=layer.bits,
                   effective_bits=effective,
                   bits_per_answer=effective + math.log2(orders),
                   label_changes=costs.label_changes,
                   inside_limits=limits.are_met(values),
                   **values)
