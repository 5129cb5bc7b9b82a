"""The choice of a victim: a recipe to train one, or a file."""
import dataclasses
import functools
import math
import os

from models.architectures import ARCHITECTURES
from models.training.optimizers import check_optimizer
from models.training.optimizers import OPTIMIZERS
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real
from revsig_keras.arguments import parse_range
from revsig_keras.options import option
from revsig_keras.saved_model.files import is_saved_model

# How victims begin that are functions.
OWN_PREFIXES = ("python:", "custom:")


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
        label_smoothing: The weight of the uniform row in each target, in [0, 1). `None`, also for
            0: none.
        temperature: The temperature of the softmax in training, above 0; see
            `models.training.softening.Tempered`. `None`, also for 1: none.
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
    label_smoothing: float | None = option(
        None, "The weight of the uniform distribution in the labels that the victim is trained on, "
        "below 1: the larger, the less sure it gets. Default: 0.",
        name="victim_label_smoothing")
    temperature: float | None = option(
        None, "The temperature of the victim's softmax in training, which its answers do not have: "
        "above 1 they are surer, below 1 less sure. Default: 1.",
        name="victim_temperature")

    def __post_init__(self):
        ARCHITECTURES.make(self.architecture)  # Both refuse unknown members.
        check_optimizer(self.optimizer)
        for name, least in (("batch_size", 1), ("steps", 1), ("seed", 0)):
            # NumPy's integers become Python's, which JSON can write.
            object.__setattr__(self, name, check_integer(name, getattr(self, name), least=least))
        self._check_confidence()

    def _check_confidence(self):
        smoothing, temperature = self.label_smoothing or 0, self.temperature
        if not is_real(smoothing) or not 0 <= smoothing < 1:
            raise ValueError(f"`label_smoothing` must be in [0, 1). Received: {smoothing}")
        if temperature is not None and not (is_real(temperature) and 0 < temperature < math.inf):
            raise ValueError(f"`temperature` must be a number above 0. Received: {temperature}")
        # One spelling of a victim that has neither, that of records from before these options.
        object.__setattr__(self, "label_smoothing", float(smoothing) or None)
        object.__setattr__(self, "temperature",
                           None if temperature in (None, 1) else float(temperature))


@dataclasses.dataclass(frozen=True)
class VictimFile:
    """A victim that exists already.

    Attributes:
        path: `victim.keras`, with `victim.json` beside it, or their directory, as
            `models.train` has written them; or a victim that was trained elsewhere: a .keras or .h5
            file, the folder of a SavedModel, `python:MODULE:FUNCTION`, or
            `custom:file=FILE:function=NAME`.
        victim_signature: The signature of a SavedModel. `None`: `serving_default`, or the only one.
        victim_output: The output that answers, or `None` for the only one.
        victim_range: The lowest and the highest value of an input of the model. `None`: as in the
            data set, and 0 to 255 for inputs of bytes.
    """
    path: str | os.PathLike = option(
        help="A victim that exists: a victim.keras that `python -m models.train` has written, with "
        "its victim.json beside it. Or one that was trained elsewhere, on rows that are not known: "
        "a Keras file, the folder of a SavedModel, a function from inputs to answers as "
        "python:MODULE:FUNCTION or custom:file=FILE:function=NAME; all rows of --dataset are then "
        "the thief's and the evaluator's. By default a victim is trained first, as the "
        "--victim_... flags say.",
        name="victim",
        kind=str,
        parse=os.path.expanduser)
    victim_signature: str | None = option(
        None, "With a SavedModel as --victim: its signature. Default: serving_default, or the only "
        "one.")
    victim_output: str | None = option(
        None, "With a --victim of several outputs: the one that answers, with probabilities, "
        "logits or labels.")
    victim_range: tuple[float, float] | None = option(
        None, "With a --victim that was trained elsewhere: LOWEST,HIGHEST of its inputs, such as "
        "-1,1. Default: as in the data set, and 0,255 for inputs of bytes.",
        parse=functools.partial(parse_range, "victim_range"))

    def __post_init__(self):
        low, high = self.victim_range or (0.0, 1.0)
        if not -math.inf < low < high < math.inf:
            raise ValueError("`victim_range` must be LOWEST,HIGHEST, finite and in this order. "
                             f"Received: {low},{high}")

    @property
    def is_own(self) -> bool:
        """Whether it was trained elsewhere: all but directories and files with a `victim.json`."""
        if os.fspath(self.path).startswith(OWN_PREFIXES) or is_saved_model(self.path):
            return True
        record = os.path.splitext(self.path)[0] + ".json"
        return os.path.isfile(self.path) and not os.path.exists(record)

    def refuse_options(self, *names: str) -> None:
        """Raises `ValueError` if one of these options is given, although it means nothing here."""
        for name in names:
            if getattr(self, name) is not None:
                raise ValueError(f"`{name}` must be left out for the victim {self.path}, which has "
                                 f"none to choose. Received: {getattr(self, name)}")
