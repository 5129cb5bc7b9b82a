"""Finds a ledger's file, and makes it ready to be opened."""

import os
import pathlib

from absl import logging

from attacks.endpoint.ledger import conversion
from attacks.endpoint.ledger import log


def ledger_in(directory: pathlib.Path) -> pathlib.Path:
    """Returns the path of the ledger in an output directory, which may be one of version 1."""
    old = directory / "ledger.sqlite"
    return old if old.exists() else directory / "endpoint.ledger"


def make_ready(path: str, was_used: bool) -> None:
    """Makes a ledger where there is none, and converts one of version 1.

    Args:
        path: The file of a ledger that no other run uses.
        was_used: Whether a run has used it before.

    Raises:
        ValueError: If the file is not a ledger, or is of another version; it is left as it is.
    """
    if os.path.exists(path) and os.path.getsize(path):
        return conversion.convert(path) if conversion.is_database(path) else log.check(path)
    if os.path.exists(f"{path}-wal"):
        raise ValueError(f"`ledger` must be beside its {path}-wal, from which it is completed. "
                         "Received: the latter alone; put the ledger back, or move that file away")
    if was_used:
        logging.warning(
            "The ledger %s is empty or gone, though there was one before: a new one is made, and "
            "what was in the old one may be asked and paid for again", path)
    log.write(path, [])
