"""Which victim of a grid a cell is about."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class VictimKey:
    """A victim of the grid, by the seeds of its data split and of its training.

    Attributes:
        split_seed: The seed of the split, `None` for that of `DataConfig`.
        victim_seed: The seed of the training, `None` for that of `VictimConfig`, or for a victim
            that is not trained here.
    """
    split_seed: int | None = None
    victim_seed: int | None = None

    def seeds(self) -> dict[str, int]:
        """The seeds that are given, by name."""
        return {name: seed for name, seed in dataclasses.asdict(self).items() if seed is not None}

    def __str__(self):
        return ", ".join(f"{name.replace('_', ' ')} {seed}" for name, seed in self.seeds().items())

    @property
    def directory(self) -> str:
        """Where the victim is kept, below the output directory: `victims/split1-victim2`."""
        named = [f"{name.removesuffix('_seed')}{seed}" for name, seed in self.seeds().items()]
        return "victims/" + "-".join(named) if named else ""
