"""How an experiment is run."""

import dataclasses
import os

from models.processes.config import ProcessConfig
from revsig_keras.arguments import check_boolean
from revsig_keras.arguments import check_integer
from revsig_keras.options import option


def _parse_places(texts):
    """The places written as 0 or 3-7, each once, in order."""
    places = set()
    for text in texts:
        first, dash, last = text.partition("-")
        if not first.isdecimal() or dash and not (last.isdecimal() and int(first) <= int(last)):
            raise ValueError("`cells` must be places or ranges of places, such as 0,3-7. "
                             f"Received: {','.join(texts)}")
        places.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(places))


def _parse_clones(text):
    if text == "auto":
        return None
    if not text.isdecimal():
        raise ValueError("`clones_per_device` must be a whole number or auto. "
                         f"Received: {text}")
    return int(text)


@dataclasses.dataclass(frozen=True)
class ExecutionConfig:
    """How an experiment is run; its results do not depend on it, except for rounding.

    Attributes:
        output_dir: Where the results are written.
        process: Where models are trained, and how often a training is kept.
        clones_per_device: How many clones are trained at once, or `None` for the fastest number.
        cells: The places of the cells to do, in the list of all cells, or `None` for all.
        keep_clones: Whether the clone of each cell is kept, with its answers on the test rows.
    """
    output_dir: str | os.PathLike = option(
        help="Where the results go: a new directory, or that of the same experiment, which is "
        "resumed and, with more grid members, extended.",
        kind=str,
        parse=os.path.expanduser,
        affects_results=False)
    process: ProcessConfig = ProcessConfig()
    clones_per_device: int | None = option(
        None, "How many clones are trained at once, each as it would be alone, or 'auto': on a "
        "processor as many as it has cores, at most 8, else 1.",
        kind=str,
        raw_default="auto",
        parse=_parse_clones,
        affects_results=False)
    cells: tuple[int, ...] | None = option(
        None, "The cells to do, by their places, such as 0,3-7. Several runs, also on several "
        "machines, can share an --output_dir: each cell is done by one of them. Default: all of "
        "them.",
        parse=_parse_places,
        affects_results=False)
    keep_clones: bool = option(
        False, "Whether the clone of each cell that this run does is kept in clones/, as a .keras "
        "file, with its probabilities for the test rows beside it. Cells with a result get none.",
        affects_results=False)

    def __post_init__(self):
        if not self.output_dir:
            raise ValueError("`output_dir` must name a directory for the results. "
                             f"Received: {self.output_dir!r}")
        check_boolean("keep_clones", self.keep_clones)
        if self.cells is not None and not self.cells:
            raise ValueError("`cells` must have at least one place; left out, it stands for all "
                             "cells. Received: none")
        for place in self.cells or ():
            check_integer("cells", place, least=0)
        if self.clones_per_device is None:
            return
        check_integer("clones_per_device", self.clones_per_device, least=1)
        if self.clones_per_device > 1 and self.process.distribution not in ("auto", "one_device"):
            raise ValueError("`clones_per_device` must be 1 where each clone is trained on all "
                             f"devices. Received: {self.clones_per_device}")
