"""Recovery by a network that was trained on simulated answers."""

import dataclasses

from attacks.adversaries.recovery.recovery_network import NetworkTrainer
from attacks.adversaries.recovery.simulated_recovery import SimulatedRecovery
from models.seeds import derive
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class LearnedRecovery(SimulatedRecovery):
    """Recovers answers by a network (the D-DAE+ of ModelGuard, USENIX Security 2024).

    The network has two hidden layers, of 128 and 64 units for fewer than 100 classes and of 1,024
    and 512 otherwise, each with batch normalisation (with a momentum of 0.9 for the running
    averages) and a leaky ReLU of slope 0.2, and a softmax. It is trained from answers to clean rows
    on simulated pairs. The loss is the L1 distance, summed over the classes; the optimiser is SGD
    with a learning rate of 0.01, a momentum of 0.9 and batches of 1,024. If the defence keeps the
    label of all pairs, so does the recovery: where the network puts another class on top, that
    class changes places with the answer's label.

    Published are 1,000,000 pairs and 200 epochs. The default takes seconds on 2 cores.

    Assumed to know what `SimulatedRecovery` says.

    Args:
        beta, gamma, prior, pairs: See `SimulatedRecovery`.
        epochs: Integer of at least 1, the number of times that each pair is trained on. Defaults to
            `20`.
    """
    epochs: int = 20

    name = "learned_recovery"

    def __post_init__(self):
        super().__post_init__()
        check_integer("epochs", self.epochs, least=1)

    def undo(self, pairs, seed, memory):
        num_classes = pairs.clean.shape[1]
        trainer = memory.recall(("recovery networks", num_classes),
                                lambda: NetworkTrainer(num_classes))
        return trainer.train(pairs, self.epochs, derive(seed, "recovery network"))
