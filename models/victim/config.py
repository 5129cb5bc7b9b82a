"""The choice of a victim: a recipe to train one, or a file."""
import dataclasses
import os

from models.architectures import ARCHITECTURES
from models.training.optimizers import check_optimizer
from models.training.optimizers import OPTIMIZERS
from revsig_keras.arguments import check_integer
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class VictimConfig:
    """The recipe of a victim.

    Attributes:
        architecture: A member of `models.architectures.ARCHITECTURES`.
        optimizer: A member of `models.training.optimizers.OPTIMIZERS`, such as
            `"adam:learning_rate=0.001"`.
        batch_size: Rows per step, over all replicas.
        steps: The number of steps.
        seed: The integer that determines the initial weights and the batches.
    """
    architecture: str = option(
        "digits_cnn",
        lambda: f"The victim's architecture: {', '.join(ARCHITECTURES.names)}.",
        name="victim_architecture")
    optimizer: str = option(
        "adam", "The victim's optimiser, with options, such as 'adam:learning_rate=0.001' or "
        "'sgd:learning_rate=0.01:momentum=0.9'.",
        name="victim_optimizer",
        canonical=OPTIMIZERS.spell)
    batch_size: int = option(64,
                             "Rows per training step of the victim, over all replicas.",
                             name="victim_batch_size")
    steps: int = option(1000, "Training steps of the victim.", name="victim_steps")
    seed: int = option(0,
                       "The seed of the victim's initial weights and batches.",
                       name="victim_seed")

    def __post_init__(self):
        ARCHITECTURES.make(self.architecture)  # Both refuse unknown members.
        check_optimizer(self.optimizer)
        for name, least in (("batch_size", 1), ("steps", 1), ("seed", 0)):
            # NumPy's integers become Python's, which JSON can write.
            object.__setattr__(self, name, check_integer(name, getattr(self, name), least=least))


@dataclasses.dataclass(frozen=True)
class VictimFile:
    """A trained victim on disk.

    Attributes:
        path: `victim.keras`, with `victim.json` beside it, or their directory.
    """
    path: str | os.PathLike = option(
        help="A victim.keras that `python -m models.train` has written, with its victim.json "
        "beside it. By default a victim is trained first, as the --victim_... flags say.",
        name="victim",
        kind=str)
