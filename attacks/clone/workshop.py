"""Where a thief trains its clones."""

from collections.abc import Callable
import dataclasses

import keras

from attacks.clone.clone import Clone
from attacks.clone.memory import Memory
from attacks.clone.recipe import Recipe
from attacks.clone.trainer import CloneTrainer
from attacks.clone.training import Training
from models.processes.workers import Workers
from models.training.checkpoints import Checkpoint


@dataclasses.dataclass(frozen=True)
class Workshop:
    """Trains the clones of one thief.

    Cells often share a clone: where the label survives the defence and the thief uses labels only,
    and where a thief starts from its labels-only clone. Equal trainings are therefore done once, as
    long as the memory keeps their clones.

    Attributes:
        recipe: How the thief trains.
        trainer: Trains its clones, and those of other thieves before and after it.
        memory: Keeps clones, and what adversaries compute, for all thieves of a run.
        checkpoint: Where unfinished trainings are kept, or None.
        watch: Called with the model and the step after a quarter, a half and all of the steps.
        progress: Called with the number of steps done since its last call.
        candidates: The recipes that the thief chooses from for its clone, but not for substitutes;
            empty for `recipe` alone.
    """
    recipe: Recipe
    trainer: CloneTrainer
    memory: Memory = dataclasses.field(default_factory=Memory)
    checkpoint: Checkpoint | None = None
    watch: Callable[[keras.Model, int], float] | None = None
    progress: Callable[[int], None] | None = None
    candidates: tuple[Recipe, ...] = ()

    def build(self, seed: int) -> keras.Model:
        """A new model of the clones' architecture, which computes in float32."""
        return self.trainer.build(dataclasses.replace(self.recipe, precision="float32"), seed)

    def adopt(self, model: keras.Model, steps: int, seconds: float) -> Clone:
        """The clone with the weights of a model that was trained elsewhere."""
        workers = Workers(self.trainer.strategy)
        weights = [workers.agree_array(weight) for weight in model.get_weights()]
        return self.trainer.adopt(self.recipe, weights, steps, seconds)

    def train(self, training: Training) -> Clone:
        """Trains a clone, or returns the clone of an equal training."""
        return self._train(training, self.progress)

    def train_on_labels(self, training: Training) -> Clone:
        """Trains the thief's labels-only clone, which helps it to undo a defence.

        The steps are not counted as progress.
        """
        return self._train(training.with_labels(), None)

    def _train(self, training, progress):
        training = training.agreed(Workers(self.trainer.strategy))
        key = training.digest()
        is_known = key in self.memory

        def train():
            return self.trainer.train(training,
                                      watch=self.watch,
                                      progress=progress,
                                      checkpoint=self.checkpoint)

        clone = self.memory.recall(key, train)
        if is_known and progress:
            progress(clone.steps - (training.start.steps if training.start else 0))
        return clone
