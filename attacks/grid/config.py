"""The configuration of a run: what is measured, how it is run, and how it is judged."""

from collections.abc import Mapping
import dataclasses
import pathlib
from typing import Any, Self

from attacks.grid.cell import Cell
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.grid.judgement import Judgement
from attacks.grid.victim_key import VictimKey
from revsig_keras.options import build
from revsig_keras.options import read
from revsig_keras.options import values_of
from revsig_keras.options import write


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """A run of an experiment.

    Attributes:
        experiment: What is measured; an output directory belongs to one experiment.
        execution: How it is run.
        judgement: How it is judged.
    """
    experiment: ExperimentConfig
    execution: ExecutionConfig
    judgement: Judgement = Judgement()

    @classmethod
    def from_options(cls, raw: Mapping[str, Any]) -> Self:
        """Makes a run from the raw values of its options, see `revsig_keras.options`."""
        return cls(ExperimentConfig.from_options(raw), build(ExecutionConfig, raw),
                   build(Judgement, raw))

    def __post_init__(self):
        if self.experiment.is_remote and self.execution.clones_per_device not in (None, 1):
            raise ValueError("`clones_per_device` must be 1 for an endpoint, whose cells share a "
                             f"ledger. Received: {self.execution.clones_per_device}")
        last = len(self.experiment) - 1
        if any(place > last for place in self.execution.cells or ()):
            raise ValueError(f"`cells` must be places from 0 to {last}. "
                             f"Received: {max(self.execution.cells)}")

    def own_cells(self) -> list[Cell]:
        """The cells that this run does; other runs of the experiment may do the others."""
        cells, places = self.experiment.cells(), self.execution.cells
        return cells if places is None else [cells[place] for place in places]

    def of_victim(self, victim: VictimKey) -> Self:
        """The run with one victim of the grid alone, in the directory of that victim."""
        directory = pathlib.Path(self.execution.output_dir, victim.directory)
        execution = dataclasses.replace(self.execution, output_dir=directory, cells=None)
        return dataclasses.replace(self,
                                   experiment=self.experiment.of_victim(victim),
                                   execution=execution)

    def listing(self) -> str:
        """The places of all cells and what they are, a line each."""
        return "\n".join(f"{place} {cell}" for place, cell in enumerate(self.experiment.cells()))

    def describe(self) -> dict[str, Any]:
        """What all cells of the run have in common, without the places where files lie."""
        experiment = self.experiment
        return {
            "split_seed": experiment.data.split_seed,
            "image_size": experiment.data.image_size,
            "clone": experiment.clone.describe(),
            **self._choice(),
            "epsilon": experiment.epsilon,
            "distribution": self.execution.process.distribution,
        }

    def _choice(self):
        choice = values_of(self.experiment.choice)
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in choice.items()}  # yapf: disable

    def replay(self) -> dict[str, str]:
        """The options that make the results again, by name, as a flagfile has them."""
        texts = write(self)
        if self.experiment.is_remote:  # An endpoint has its own defence.
            del texts["defences"], texts["epsilon"]
        return texts


def read_replay(texts: Mapping[str, str]) -> ExperimentConfig:
    """The experiment that `RunConfig.replay` has written; an option that it lacks has its default.

    Raises:
        ValueError: If the texts describe no experiment.
    """
    return ExperimentConfig.from_options(read(RunConfig, texts))
