"""Recovery by a network that was trained on simulated answers."""

import dataclasses

from attacks.adversaries.recovery.recovery_network import NetworkTrainer
from attacks.adversaries.recovery.simulated_recovery import SimulatedRecovery
from models.seeds import derive
from revsig_keras.arguments import check_integer


@dataclasses.dataclass(frozen=True)
class LearnedRecovery(SimulatedRecovery):
    """Recovers answers by a network (the D-DAE+ of ModelGuard, USENIX Security 2024).

    The network has two hidden layers, of 128 and 64 units for up to 42 classes, 512 and 256 for up
    to 99, 1,024 and 512 for up to 199, and 2,048 and 1,024 beyond. These and the output layer have
    batch normalisation and a leaky ReLU of slope 0.2; a softmax follows. It is trained from answers
    to clean rows on simulated pairs. The loss is the L1 distance, summed over the classes; the
    optimiser is SGD with a learning rate of 0.01, halved after every 100 epochs, a momentum of 0.9,
    a weight decay of 1e-4 and batches of 1,024. If the defence keeps the label of all pairs, so
    does the recovery: where the network puts another class on top, that class changes places with
    the answer's label.

    All this is as in ModelGuard's public code (for 10, 43, 100, 200 and 256 classes, the numbers
    that it knows), except that there labels are not kept, and that the trained network normalises
    with the statistics of the answers that it recovers instead of those of its training. Also
    published are 200 epochs of 1,000,000 pairs from a prior around the victim's clean outputs. The
    closest options are `prior=estimated:pairs=1000000:epochs=200`: 195,400 steps, about 20 minutes
    a cell on 2 busy cores. The default has 1,960 steps, 1% of that, and takes seconds.

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

    def undo(self, pairs, layer, seed, memory):
        del layer
        num_classes = pairs.clean.shape[1]
        trainer = memory.recall(("recovery networks", num_classes, len(pairs)),
                                lambda: NetworkTrainer(num_classes, len(pairs)))
        return trainer.train(pairs, self.epochs, derive(seed, "recovery network"))
