"""Thieves of the suite against those of another library, on the same rows of the same victim."""
import contextlib
import functools
import itertools
import pathlib
import statistics
import tempfile
import time

import numpy as np

from attacks.adversaries.adversary import Known
from attacks.clone.trainer import CloneTrainer
from attacks.clone.workshop import Workshop
from attacks.evaluation.agreement import fraction_true
from attacks.evaluation.agreement import labels_of
from attacks.grid.registries import ADVERSARIES
from attacks.grid.registries import ATTACKS
from attacks.oracle.oracle import LocalOracle
from attacks.queries.pools import Pools
from attacks.queries.thief import Thief
from benchmarks import cells
from benchmarks import comparison
from benchmarks.peer import Peer
from models.data import loading
from models.data.dataset import Dataset
from models.data.images import resize
from models.data.splits import split
from models.data.splits import Splits
from models.processes.strategy import make_strategy
from models.victim import train_victim
from models.victim import VictimConfig

# The peer's attack, and the adversary that makes the same of the answers.
THIEVES = {"knockoff": "probabilities", "copycat": "labels"}
# How often a figure of agreement is taken at least.
REPEATS = 3


def cases(quick: bool, stack: contextlib.ExitStack,
          peer: Peer | None) -> list[comparison.Case | comparison.Fact]:
    """All rows of this file.

    Args:
        quick: Whether a first look is enough.
        stack: Ends what the cases need.
        peer: ART's thieves, or `None`.
    """
    scene = Scene(stack, 100 if quick else 1055)
    epochs = 2 if quick else 10
    rows = []
    for precision in cells.precisions()[-1 if quick else 0:]:
        for thief in THIEVES:
            duel = Duel(scene, thief, precision, epochs, peer)
            name = f"thief/{thief}/{precision}"
            limit = 0.75 if precision == "float32" else 0.5
            rows += [
                comparison.Case(name, limit, duel.repeats, 0.0),
                comparison.Fact(f"{name}/agreement", None, "fraction", duel.agreements),
            ]
    return rows


def images() -> Dataset:
    """MNIST where TensorFlow Datasets has it prepared, else scikit-learn's digits in its size."""
    try:
        return loading.load("mnist")
    except ValueError:
        digits = loading.load("digits")
        x = np.clip(resize(digits.x, cells.SHAPE[:2]), 0, 1).astype(np.float32)
        return Dataset("digits", x, digits.y, digits.num_classes, digits.input_range)


class Scene:
    """What all thieves are given: made when the first of them needs it.

    Args:
        stack: Removes the folder in which a peer finds it.
        victim_steps: How long the victim is trained.
    """

    def __init__(self, stack: contextlib.ExitStack, victim_steps: int):
        self._stack, self._victim_steps = stack, victim_steps
        self.strategy = make_strategy("one_device")

    @functools.cached_property
    def _data(self):
        return images()

    @functools.cached_property
    def splits(self) -> Splits:
        """The parts of the data."""
        return split(self._data, 0)

    @functools.cached_property
    def victim(self):
        """The victim, trained as that of the MNIST experiments."""
        config = VictimConfig(cells.ARCHITECTURE, batch_size=128, steps=self._victim_steps)
        return train_victim(config, self._data, self.splits, self.strategy)

    @functools.cached_property
    def queries(self) -> np.ndarray:
        """The rows that every thief asks; so many that all batches are full."""
        pool = self.splits.pool.x
        return pool[:min(cells.QUERIES, len(pool) // cells.BATCH * cells.BATCH)]

    @functools.cached_property
    def test_labels(self) -> np.ndarray:
        """The victim's."""
        return labels_of(self.victim.model, self.splits.test.x)

    @functools.cached_property
    def folder(self) -> str:
        """All of it in files, for a peer."""
        folder = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.victim.model.save(folder / "victim.keras")
        cells.build("float32").save(folder / "clone.keras")
        np.savez(folder / "rows.npz", queries=self.queries, test=self.splits.test.x)
        return str(folder)


class Duel:
    """One thief of ours and the same of the peer, with as many training steps.

    Args:
        scene: What they are given.
        thief: Of `THIEVES`.
        precision: Of our clone; that of the peer is float32, as it comes.
        epochs: How often a clone is trained on each row.
        peer: The peer, or `None`.
    """

    def __init__(self, scene: Scene, thief: str, precision: str, epochs: int, peer: Peer | None):
        self._scene, self._thief, self._precision = scene, thief, precision
        self._epochs, self._peer = epochs, peer
        self._seeds = itertools.count()
        self._agreements = {"ours": [], "other": []}

    def repeats(self) -> tuple[comparison.Repeat, comparison.Repeat | None]:
        """Ours and the other, compiled."""
        self.ours(epochs=1), self.other(epochs=1)
        self._agreements = {"ours": [], "other": []}
        return self.ours, self.other if self._peer else None

    def agreements(self) -> tuple[float, float | None]:
        """With the victim on test rows, of ours and the other: means over the repeats."""
        for _ in range(len(self._agreements["ours"]), REPEATS):
            self.ours(), self.other()
        ours, other = self._agreements.values()
        return statistics.mean(ours), statistics.mean(other) if other else None

    def ours(self, epochs: int | None = None) -> float:
        """Seconds to ask and to train; each time with another seed."""
        scene, victim = self._scene, self._scene.victim
        workshop, pools = self._workshop, Pools(scene.queries, (0.0, 1.0))
        attack, adversary = ATTACKS.make("sample"), ADVERSARIES.make(THIEVES[self._thief])
        known = Known("none", scene.queries, next(self._seeds))
        start = time.perf_counter()
        oracle = LocalOracle(victim.probabilities, len(scene.queries))
        thief = Thief(oracle, adversary, known, pools, workshop)
        attack.steal(thief)
        if epochs is None:
            clone = thief.clone()
        else:
            clone = thief.substitute(epochs)
        seconds = time.perf_counter() - start
        labels = clone.logits(scene.splits.test.x).argmax(axis=1)
        self._agreements["ours"].append(fraction_true(labels == scene.test_labels))
        return seconds

    def other(self, epochs: int | None = None) -> float | None:
        """Likewise of the peer, in its process."""
        if self._peer is None:
            return None
        answer = self._peer.ask({
            "thief": self._thief,
            "folder": self._scene.folder,
            "batch_size": cells.BATCH,
            "epochs": epochs or self._epochs
        })
        self._agreements["other"].append(answer["agreement"])
        return answer["seconds"]

    @functools.cached_property
    def _workshop(self):
        steps = self._epochs * len(self._scene.queries) // cells.BATCH
        return Workshop(cells.make_recipe(self._precision, steps),
                        CloneTrainer(cells.SHAPE, cells.CLASSES, self._scene.strategy))
