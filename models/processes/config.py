"""The devices and processes that train, and how often they store a training."""
import dataclasses

from models.processes.strategy import NAMES
from revsig_keras.arguments import is_real
from revsig_keras.options import option


@dataclasses.dataclass(frozen=True)
class ProcessConfig:
    """The devices and processes that train, and how often they store a training.

    Attributes:
        distribution: One of `models.processes.strategy.NAMES`.
        checkpoint_every: The seconds between two checkpoints of a training.
    """
    distribution: str = option(
        "auto", "Where models are trained: 'one_device' (the first GPU, else the CPU), 'mirrored' "
        "(a replica on each GPU, else on each logical CPU device), 'multi_worker' (likewise, in "
        "each of the processes that the environment variable TF_CONFIG names, which are all given "
        "the same command and see one --output_dir), 'tpu' (that of this machine, untested), or "
        "'auto': multi_worker if TF_CONFIG names several workers, mirrored if there are several "
        "GPUs and enough rows in a step to share, else one_device. The choice and its reason are "
        "printed at the start.")
    checkpoint_every: float = option(
        60.0, "Seconds between two copies on disk of a training that takes longer. The last copy "
        "stays until the result is written. SIGTERM keeps any training, and ends the program with "
        "the status 143.", affects_results=False)  # yapf: disable

    def __post_init__(self):
        if self.distribution not in NAMES:
            raise ValueError(f"`distribution` must be one of {', '.join(NAMES)}. "
                             f"Received: {self.distribution!r}")
        if not is_real(self.checkpoint_every) or not self.checkpoint_every >= 0:
            raise ValueError("`checkpoint_every` must be a number of seconds of at least 0. "
                             f"Received: {self.checkpoint_every}")
