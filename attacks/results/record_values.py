"""Checks the values in a record that reports rest on, so that a damaged file is named."""

from collections.abc import Iterator, Mapping
import math
import re
from typing import Any

from revsig_keras.arguments import is_integer
from revsig_keras.arguments import is_real

# Metrics that are fractions, or counts.
_FRACTION = re.compile("agreement|accuracy")
_COUNT = re.compile("label_changes")
# The places of texts and of whole numbers; a record may lack them, or have null instead.
_TEXTS = (("victim", "name"), ("victim", "fingerprint"), ("victim", "answers"), ("dataset", "name"),
          ("dataset", "fingerprint"), ("hardware", "cpu"), ("commit",),
          ("config", "clone", "architecture"))  # yapf: disable
_NUMBERS = (("victim", "evaluated_rows"), ("config", "split_seed"))
_RESOLVED = ("defence", "attack", "adversary")


def faults(record: Mapping[str, Any]) -> Iterator[str]:
    """Yields a description of each wrong value in a record that has all its entries."""
    for name in _RESOLVED:
        if not isinstance(record["cell"]["resolved"].get(name), dict):
            yield f"no options of its {name}"
    versions = {("versions", name): text for name, text in record.get("versions", {}).items()}
    for place, value in {**versions, **_found(record, _TEXTS)}.items():
        if not isinstance(value, str):
            yield f"{'.'.join(place)}: {value!r:.60}"
    for place, value in _found(record, _NUMBERS).items():
        if not is_integer(value):
            yield f"{'.'.join(place)}: {value!r:.60}"
    yield from _metric_faults(record["metrics"])


def _found(record, places):
    """The values at these places; missing and null ones are left out."""
    found = {}
    for place in places:
        value = record
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            found[place] = value
    return found


def _metric_faults(metrics):
    for name, value in metrics.items():
        is_number = is_real(value) and math.isfinite(value)
        if _FRACTION.search(name):
            is_number = is_number and 0 <= value <= 1
        if _COUNT.search(name):
            is_number = is_integer(value) and value >= 0
        if value is not None and not is_number:
            yield f"{name}: {value!r:.60}"
