"""The plan of one training run."""
from collections.abc import Sequence
import dataclasses

import numpy as np

from models.data.streamed import Inputs
from models.data.streamed import StreamedImages
from models.training.augmentation import Augmentation
from revsig_keras.arguments import check_integer

# How far the sum of a target row may be from 1: rounding 1,000 classes to float16 takes that much.
SUM_TOLERANCE = 1e-2

Labelled = tuple[Inputs, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingPlan:
    """The rows, the length and the randomness of one training run of a `Trainer`.

    Attributes:
        inputs: Inputs of shape `[n, ...]`.
        targets: A probability distribution over the classes for each input, shape `[n, classes]`.
        steps: The number of steps.
        seed: The integer that determines the initial variables and the batches.
        max_shift: The largest shift in pixels. Each step moves each image along both axes by random
            whole numbers of pixels in `[-max_shift, max_shift]` and repeats the pixels at the edge;
            targets stay. Defaults to `0`.
        held_out: A pair (inputs, targets) on which the objective is measured every
            `run.STEPS_PER_CALL` steps. Training stops once the loss has not fallen for
            `patience` measurements in a row, and the best variables are restored. Defaults to
            `None`: no early stopping.
        patience: See `held_out`. Defaults to `10`.
        start: The initial weights, as `keras.Model.get_weights` returns them. The optimiser starts
            afresh in any case. Defaults to `None`: the weights of a new model.
        unlabelled: Further inputs. Each step appends a batch of them, of the same size and with
            targets of zeros, for an objective that can use them. Defaults to `None`.
        unlabelled_shift: `max_shift` of the unlabelled inputs. Defaults to `0`.
        augmentation: What each step does to all images after the shift. Defaults to nothing.

    Raises:
        ValueError: If a number is out of its range or targets are not probabilities.
    """
    inputs: Inputs
    targets: np.ndarray
    steps: int
    seed: int
    max_shift: int = 0
    held_out: Labelled | None = None
    patience: int = 10
    start: Sequence[np.ndarray] | None = None
    unlabelled: Inputs | None = None
    unlabelled_shift: int = 0
    augmentation: Augmentation = Augmentation()

    def __post_init__(self):
        check_integer("steps", self.steps, least=1)
        check_integer("seed", self.seed, least=0)
        check_integer("max_shift", self.max_shift, least=0)
        check_integer("patience", self.patience, least=1)
        check_integer("unlabelled_shift", self.unlabelled_shift, least=0)
        for _, targets in self._labelled():
            _check_probabilities(np.asarray(targets, "float32"))

    def check_fits(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        """Raises a `ValueError` unless a model of that input shape and output can be trained."""
        for inputs, targets in self._labelled():
            _check_shape(inputs, input_shape)
            if np.shape(targets) != (len(inputs), num_classes):
                raise ValueError(
                    f"targets must have one row of {num_classes} numbers for each of the "
                    f"{len(inputs)} inputs. Received: shape {np.shape(targets)}")
        _check_images("max_shift", self.max_shift, self.inputs)
        _check_images("augmentation", self.augmentation, self.inputs)
        if self.unlabelled is not None:
            _check_shape(self.unlabelled, input_shape)
            _check_images("unlabelled_shift", self.unlabelled_shift, self.unlabelled)

    def _labelled(self):
        return [(self.inputs, self.targets), *([self.held_out] if self.held_out else [])]


def as_float32(inputs: Inputs) -> Inputs:
    """Arrays as float32; `StreamedImages` are read as such and returned as they are."""
    return inputs if isinstance(inputs, StreamedImages) else np.asarray(inputs, "float32")


def _check_shape(inputs, input_shape):
    shape = inputs.shape if isinstance(inputs, StreamedImages) else np.shape(inputs)
    if shape[1:] != input_shape:
        raise ValueError(f"inputs must have the shape (n, *{input_shape}). Received: {shape}")
    if not shape[0]:
        raise ValueError("inputs must have at least one row. Received: none")


def _check_images(name, change, inputs):
    if change and np.ndim(inputs) != 4:
        raise ValueError(f"{name}={change} needs images, of shape (n, height, width, channels). "
                         f"Received: inputs of shape {np.shape(inputs)}")


def _check_probabilities(targets):
    if not (np.all(targets >= 0) and np.all(np.abs(targets.sum(-1) - 1) <= SUM_TOLERANCE)):
        raise ValueError(
            "targets must be probabilities, at least 0, each row with the sum 1. Received: "
            f"values in [{targets.min()}, {targets.max()}], sums in "
            f"[{targets.sum(-1).min()}, {targets.sum(-1).max()}]")
