"""The data-free attack: a generator learns which inputs to make."""

import dataclasses

import keras
import numpy as np

from attacks.queries.attack import Attack
from attacks.queries.generation.ascent import Ascent
from attacks.queries.generation.clone_gradient import CloneGradient
from attacks.queries.generation.discrepancy import DISCREPANCIES
from attacks.queries.generation.duel import Duel
from attacks.queries.generation.generator import Generator
from attacks.queries.generation.replay import Replay
from attacks.queries.generation.rivals import Rivals
from attacks.queries.generation.zeroth_order import ZerothOrder
from attacks.queries.thief import Thief
from models.seeds import derive
from revsig_keras.arguments import check_integer
from revsig_keras.arguments import is_real

# The discrepancy of each kind of gradient, unless another is chosen.
_LOSSES = {"zeroth_order": "l1", "clone": "kl"}
_CHOICES = {
    "gradient": tuple(_LOSSES),
    "loss": ("auto", *DISCREPANCIES),
    "start": ("student", "new"),
}
_LEAST = {"batch": 2, "directions": 1, "student_steps": 1, "replay": 0, "width": 1}
# As in the code of Truong et al.: noise values per input, length of a difference.
_LATENT = 256
_RADIUS = 1e-3


@dataclasses.dataclass(frozen=True)
class DataFree(Attack):
    """Trains a generator of inputs against a student of the victim (Truong et al., "Data-Free Model
    Extraction", CVPR 2021; Kariyappa et al., "MAZE", CVPR 2021).

    The thief has no inputs: it knows their shape and range. A *student*, of the clone's
    architecture, learns to answer as the victim does, and a *generator* learns to make inputs on
    which the two differ. Each round has four steps:

    1. The generator makes a batch of inputs from noise. With zeroth-order gradients, `directions`
       further points around each input are made too. All of them are queried.
    2. The generator takes a step that raises the discrepancy (`loss`) between the student's and the
       victim's answers. `ZerothOrder` and `CloneGradient` say how it finds the direction.
    3. It makes `student_steps - 1` further batches, which are queried.
    4. The student takes a step on each batch of the round, the first one included as in MAZE, and
       `replay` steps on rows of all rounds so far.

    The rest of the budget, too small for a round, is spent on inputs of the last generator. Then
    the clone is trained by the recipe on everything that was paid for, through the adversary, as
    after every attack. The publications evaluate the student itself; here the clone starts from
    the student's weights by default.

    This is an expensive attack. The publications spend 20 million queries on CIFAR-10 and 5 million
    on Fashion-MNIST, with batches of 256 and 128 rows, stochastic gradient descent with momentum
    for the student (rate 0.1), 1 direction without replay and 10 directions with 10 steps of
    replay, respectively. The defaults here are for thousands of queries instead: small batches,
    replay, and Adam at constant rates for both networks.

    With an endpoint that takes whole numbers, points so close together are equal, so zeroth-order
    gradients are zero; likewise with labels, which are refused.

    Args:
        gradient: String. `"zeroth_order"` estimates the generator's gradient through the victim
            and the student from queries; `"clone"` computes it through the student alone, and
            labels will do. Defaults to `"zeroth_order"`.
        loss: String, one of `"l1"`, the distance between logits and pseudo-logits, `"kl"`, or
            `"auto"`: `l1` for zeroth-order gradients, as published by Truong et al., and `kl` for
            those of the clone. Defaults to `"auto"`.
        batch: Integer of at least 2, the inputs of a batch. Defaults to `32`.
        directions: Integer, the forward differences per input of a zeroth-order gradient. Defaults
            to `1`.
        student_steps: Integer, the batches of a round. Defaults to `5`, as published.
        replay: Integer of at least 0, the steps of a round on rows of all rounds. Defaults to `10`.
        student_rate: Float above 0, the student's learning rate. Defaults to `0.001`.
        generator_rate: Float above 0, the generator's learning rate. Defaults to `0.0001`, that of
            both public programs; `0.0003` and `0.001` agree no more often on validation rows of
            digits, see `results/data_free_rates`.
        diversity: Float of at least 0, the weight of the entropy of the student's mean answer in
            `CloneGradient`. Defaults to `1`.
        width: Integer, the filters of the generator's last block. Defaults to `64`, as published.
        start: String, `"student"` if the clone starts from the student, `"new"` if from new
            weights. Defaults to `"student"`.

    Raises:
        ValueError: If an argument is out of range.
    """
    gradient: str = "zeroth_order"
    loss: str = "auto"
    batch: int = 32
    directions: int = 1
    student_steps: int = 5
    replay: int = 10
    student_rate: float = 1e-3
    generator_rate: float = 1e-4
    diversity: float = 1.0
    width: int = 64
    start: str = "student"

    def __post_init__(self):
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"`{name}` must be one of {', '.join(choices)}. Received: "
                                 f"{getattr(self, name)!r}")
        for name, least in _LEAST.items():
            check_integer(name, getattr(self, name), least=least)
        for name in ("student_rate", "generator_rate"):
            if not is_real(getattr(self, name)) or not getattr(self, name) > 0:
                raise ValueError(f"`{name}` must be a number above 0. Received: "
                                 f"{getattr(self, name)}")
        if not is_real(self.diversity) or not self.diversity >= 0:
            raise ValueError(f"`diversity` must be a number of 0 or more. Received: "
                             f"{self.diversity}")

    @property
    def needs(self):
        """See `Attack`: differences of labels tell nothing."""
        return "probabilities" if self.gradient == "zeroth_order" else "labels"

    @property
    def round_cost(self) -> int:
        """The number of inputs that a round queries."""
        return self.batch * (self._ascent.directions + self.student_steps)

    def check(self, budget, pools):
        shape = pools.input_shape
        if len(shape) not in (1, 3):
            raise ValueError("`data_free` makes images of shape (height, width, channels) and "
                             f"vectors. Received: inputs of shape {shape}")
        if budget < self.round_cost:
            raise ValueError(f"`budgets` must be at least {self.round_cost} inputs, one round of "
                             f"data_free. Received: {budget}")

    def candidates(self, pools):
        """Returns no inputs."""
        return pools.own[:0]

    def steal(self, thief):
        duel, rng, replay = self._duel(thief), thief.random("noise"), Replay()
        while (left := thief.left) >= self.round_cost:
            self._round(thief, duel, replay, rng)
            if thief.left == left:  # All rows were queried before: the generator has collapsed.
                break
        if thief.left:
            rows = max(self.batch, thief.left)
            thief.ask(duel.make(_noise(rows, rng))[:thief.left])
        if self.start == "student":
            thief.start_from(duel.student, duel.steps, duel.seconds)

    @property
    def _ascent(self) -> Ascent:
        if self.gradient == "clone":
            return CloneGradient(self.diversity)
        return ZerothOrder(self.directions, _RADIUS)

    def _duel(self, thief: Thief) -> Duel:
        pools = thief.pools
        generator = Generator(pools.input_shape, pools.input_range, _LATENT, self.width,
                              derive(thief.seed, "generator"))
        loss = _LOSSES[self.gradient] if self.loss == "auto" else self.loss
        rivals = Rivals(thief.untrained("student"), generator, DISCREPANCIES[loss])
        return Duel(rivals, self._ascent, keras.optimizers.Adam(self.student_rate),
                    keras.optimizers.Adam(self.generator_rate))

    def _round(self, thief, duel, replay, rng):
        shape = thief.pools.input_shape
        noise = _noise(self.batch, rng)
        around = _unit_vectors((self._ascent.directions, self.batch, *shape), rng)
        points = duel.points(noise, around)
        answered = thief.ask(points)
        duel.train_generator(noise, around, answered)
        inputs, targets = points[None, :self.batch], answered[None, :self.batch]
        if self.student_steps > 1:
            made = duel.make(_noise((self.student_steps - 1) * self.batch, rng))
            more = thief.ask(made)
            inputs = np.concatenate([inputs, made.reshape(-1, *inputs.shape[1:])])
            targets = np.concatenate([targets, more.reshape(-1, *targets.shape[1:])])
        duel.train_student(inputs, targets)
        replay.add(inputs, targets)
        if self.replay:
            duel.train_student(*replay.draw(self.replay, rng))


def _noise(rows, rng):
    return rng.standard_normal((rows, _LATENT), np.float32)


def _unit_vectors(shape, rng):
    """Vectors of length 1, uniform in direction, along the axes from the third on."""
    drawn = rng.standard_normal(shape, np.float32)
    return drawn / np.sqrt(np.sum(drawn**2, axis=tuple(range(2, len(shape))), keepdims=True))
