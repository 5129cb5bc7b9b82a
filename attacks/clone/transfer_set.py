"""The transfer set: queried inputs with their answers."""

import dataclasses

import numpy as np

from models.processes.workers import Workers


@dataclasses.dataclass(frozen=True, eq=False)
class TransferSet:
    """The rows that a thief has paid for, on which the clone is trained.

    Attributes:
        inputs: Array `[n, ...]` of the queried inputs.
        answers: Array `[n, num_classes]`, the answers that the adversary got for them.
        targets: Array `[n, num_classes]`, the targets that the adversary derived from the answers.
        max_shift: Pixels by which a training step may shift an image at random while it keeps its
            target: augmentation after the query, which costs nothing.
    """
    inputs: np.ndarray
    answers: np.ndarray
    targets: np.ndarray
    max_shift: int = 0

    def __len__(self):
        return len(self.inputs)

    def part(self, rows: np.ndarray) -> "TransferSet":
        """The given rows, in the given order."""
        return dataclasses.replace(self,
                                   inputs=self.inputs[rows],
                                   answers=self.answers[rows],
                                   targets=self.targets[rows])

    def agreed(self, workers: Workers) -> "TransferSet":
        """The transfer set of the chief worker."""
        arrays = (self.inputs, self.answers, self.targets)
        return TransferSet(*map(workers.agree_array, arrays), self.max_shift)

    def with_targets(self, targets: np.ndarray) -> "TransferSet":
        """The same inputs and answers with other targets."""
        return dataclasses.replace(self, targets=targets)

    def with_labels(self) -> "TransferSet":
        """The same inputs and answers, with the labels of the answers as targets."""
        return self.with_targets(one_hot_labels(self.answers))


def one_hot_labels(answers: np.ndarray) -> np.ndarray:
    """The label (lowest-index argmax) of each row as a row of zeros and a one, float32."""
    return np.eye(answers.shape[1], dtype=np.float32)[answers.argmax(axis=1)]
