"""`run.flags`: the flags that replay a run, and so the experiment of a directory."""

import dataclasses
import os
import pathlib

from attacks.grid.config import read_replay
from attacks.grid.config import RunConfig
from attacks.grid.experiment_config import ExperimentConfig
from models.processes.files import write_atomically
from revsig_keras.options import text_of

NAME = "run.flags"


class ReplayFile:
    """The `run.flags` of a directory.

    Args:
        directory: The output directory of a run.
    """

    def __init__(self, directory: str | os.PathLike):
        self._directory = pathlib.Path(directory)
        self._path = self._directory / NAME

    def exists(self) -> bool:
        """Whether it is there."""
        return self._path.exists()

    def read(self) -> ExperimentConfig:
        """The experiment that it replays; an option that it lacks has its default.

        Raises:
            ValueError: If it replays none.
        """
        try:
            return read_replay(read_flags(self._path))
        except ValueError as error:
            raise ValueError(f"{self._path} must hold the flags of an experiment. "
                             f"Received: {error}") from error

    def write(self, config: RunConfig) -> None:
        """Writes the flags of a run.

        Raises:
            ValueError: If a text has several lines, as no flag in a file can.
        """
        texts = config.replay()
        for name, text in texts.items():
            if "\n" in text or "\r" in text:
                raise ValueError(f"`{name}` must have one line. Received: {text!r}")
        lines = [f"--{name}={text}\n" for name, text in texts.items()]
        write_atomically(self._path, "".join(lines), overwrite=True)

    def check(self, config: RunConfig) -> None:
        """Raises `ValueError` if the directory belongs to another experiment than that of a run.

        Experiments are compared by the values of their options, whatever their spelling. They may
        have different members in the grid.
        """
        there, now = self.read().identity(), config.experiment.identity()
        different = [
            f"`{name}` is {_text(there, name)} there, {_text(now, name)} now"
            for name in sorted(there.keys() | now.keys())
            if there.get(name) != now.get(name)
        ]
        if different:
            raise ValueError("`output_dir` must not hold a different experiment. Received: "
                             f"{self._directory} ({'; '.join(different)}). Name another directory")

    def extend(self, config: RunConfig) -> None:
        """Adds the members of a run to the grid, after the present ones.

        Raises:
            ValueError: If the directory belongs to another experiment.
        """
        self.check(config)
        experiment = config.experiment.extended(self.read())
        extended = dataclasses.replace(config, experiment=experiment)
        if extended.replay() != read_flags(self._path):
            self.write(extended)


def read_flags(path: str | os.PathLike) -> dict[str, str]:
    """Reads the texts of the flags in a `run.flags`, by their names."""
    texts = {}
    for line in pathlib.Path(path).read_text().split("\n"):
        name, equals, text = line.removeprefix("--").partition("=")
        if equals:
            texts[name] = text
        elif line:
            raise ValueError(f"{path} must have --NAME=VALUE on each line. Received: {line!r}")
    return texts


def _text(values, name):
    return text_of(values[name]) if name in values else "not given"
