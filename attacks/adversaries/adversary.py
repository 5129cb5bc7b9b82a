"""The base class of adversaries."""

import abc
from collections.abc import Callable
import dataclasses

import numpy as np

from attacks.clone.clone import Clone
from attacks.clone.memory import Memory
from attacks.clone.training import Training
from attacks.clone.workshop import Workshop
from attacks.oracle.oracle import Oracle
from models.data.streamed import Inputs


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """What a thief knows besides the answers. The docstring of an adversary says what it uses.

    Attributes:
        defence: The deployed defence as a member, such as `rounding:decimals=1`, or `as_served`,
            which tells nothing. A secret that the defence holds is not part of it.
        pool: The unlabelled inputs `[rows, ...]` that the thief has through its attack; it may
            have no others than its queries.
        seed: The thief's seed.
        memory: Keeps what adversaries compute once for all thieves of a run.
        clean: Returns the victim's own clean outputs `[n, num_classes]` for inputs, which no thief
            knows. `None` unless the adversary declares `sees_clean`.
        defence_state: What the deployed defence was fitted to, `Defence.state`, as JSON; `""` for
            nothing. It is known to a thief that knows the defence, since answers reveal it.
    """
    defence: str
    pool: Inputs
    seed: int
    memory: Memory = dataclasses.field(default_factory=Memory)
    defence_state: str = ""
    clean: Callable[[Inputs], np.ndarray] | None = None


class Adversary(abc.ABC):
    """Turns the oracle's answers into a clone.

    To add an adversary, write a subclass and add it with `ADVERSARIES.add(name, cls)`. The options
    of its member (`name:key=value`) are the arguments of `__init__` that have a default of type
    float, int, bool or str; `__init__` raises `ValueError` for values out of range. A run makes a
    new instance for every cell and then calls, in this order:

    1. `unfit(defence)`, before anything is queried: the reason why the adversary means nothing
       against a defence, such as recovery where there is nothing to recover. Those cells are left
       out and the reason is printed. By default there is none.
    2. `check(input_shape)` and `check_classes(num_classes)`, also before: raise `ValueError` for
       inputs and numbers of classes that it cannot use. By default it can use all.
    3. `ask(oracle, inputs, seed)`, once per round of the attack: queries the oracle. By default
       each input is queried once. An adversary that queries more declares `rows_per_input`, since
       every row is charged.
    4. `read(answers, known)`, once per round: turns the answers into targets, one distribution per
       input. The attack sees nothing else, and the clone is trained on these targets by default.
    5. `train(training, known, workshop)`, for the clone at the end and for each substitute that the
       attack asks for: trains a model on all answers so far. By default it trains on the targets.
       An adversary with a loss of its own passes on
       `dataclasses.replace(training, objective=...)`; it leaves the seed and the steps as they are,
       so that all adversaries train equally long.

    The docstring of each adversary says what its thief is assumed to know.

    Attributes:
        needs: `"probabilities"`; `"labels"` if an endpoint that answers with labels will do;
            `"truth"` for a control that gets true labels for answers, and no victim is asked.
        keeps: `"labels"` if `read` keeps the label of an answer and nothing else.
        rows_per_input: The number of rows queried, and paid for, per input.
        sees_clean: Whether it is given the victim's clean outputs, `Known.clean`. That is no thief,
            but a reader to compare thieves with; it is left out where they are not known.
    """
    needs = "probabilities"
    keeps = "probabilities"
    rows_per_input = 1
    sees_clean = False

    def reads(self, defence: str) -> str:
        """Returns `"labels"` if all that `read` gives an attack is labels, else `"probabilities"`.

        By default that is what it keeps; some discard the rest only while an attack is querying.
        """
        del defence
        return self.keeps

    def unfit(self, defence: str) -> str | None:
        """Returns why this adversary means nothing against a defence (a member), or None."""
        del defence

    def check(self, input_shape: tuple[int, ...]) -> None:
        """Raises `ValueError` if the adversary cannot use inputs of this shape."""
        del input_shape

    def check_classes(self, num_classes: int) -> None:
        """Raises `ValueError` if the adversary cannot recover answers of so many classes."""
        del num_classes

    def ask(self, oracle: Oracle, inputs: np.ndarray, seed: int) -> np.ndarray:
        """Queries the oracle with inputs `[n, ...]`; returns answers `[n, num_classes]`."""
        del seed
        return oracle.query(inputs)

    @abc.abstractmethod
    def read(self, answers: np.ndarray, known: Known) -> np.ndarray:
        """Turns answers into targets, both distributions `[n, num_classes]`."""

    def train(self, training: Training, known: Known, workshop: Workshop) -> Clone:
        """Trains a clone on all answers so far.

        Args:
            training: The training on the targets that `read` returned.
            known: What the thief knows.
            workshop: Trains clones.
        """
        del known
        return workshop.train(training)
