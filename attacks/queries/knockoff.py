"""The adaptive Knockoff Nets attack: a bandit learns from which images the answers tell most."""

import math

import numpy as np
from threadpoolctl import threadpool_limits

from attacks.queries.attack import Attack
from attacks.queries.selection.bandit import GradientBandit
from attacks.queries.selection.rewards import PARTS
from attacks.queries.selection.rewards import Rewards
from models.data.streamed import chunks
from models.data.streamed import Inputs

# What the inputs take that clusters are found among, float32.
_CLUSTERED_BYTES = 2**28


class Knockoff(Attack):
    """Draws inputs from the classes of a pool that pay most, without replacement (arXiv 1812.02766,
    "adaptive").

    The arms of a `GradientBandit` are the classes of the pool; where it has none they are clusters
    of its inputs (mini-batch k-means on the values), which is not published. The labels of the
    victim's own task are never arms: the thief's own pool has none. `Rewards` says what an answer
    is worth. What is drawn of an arm is uniform; an arm that is used up is drawn no more.

    The arms of a round are drawn by one policy. Then the round is asked, and learnt from in its
    order. Published is a query batch of 8. Here it is 32, the rows of a clone's training step by
    default: a round costs one request and, with the loss in the reward, one training of the
    substitute on all rows so far, so that the work grows with the square of the number of rounds.

    Args:
        pool: String, `own` for the inputs of the victim's domain, or images of another one:
            `photos`, `digits`, or an image-classification set of TFDS. Defaults to `"photos"`.
        clusters: Integer, the arms of a pool that has no classes. Defaults to `10`.
        reward: String, one of `"certainty"`, `"diversity"`, `"loss"`, `"all"`, the mean of the
            three. Defaults to `"all"`.
        batch: Integer, the rows of a round. Defaults to `32`.
        epochs: Integer, how often the substitute, which goes on from the last one, is trained on
            each row in a round. Only where the reward has the loss. Defaults to `5`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(self,
                 pool: str = "photos",
                 clusters: int = 10,
                 reward: str = "all",
                 batch: int = 32,
                 epochs: int = 5):
        if reward not in (*PARTS, "all"):
            raise ValueError(f"`reward` must be one of {', '.join(PARTS)}, all. Received: "
                             f"{reward!r}")
        bounds = {"clusters": (clusters, 2), "batch": (batch, 1), "epochs": (epochs, 1)}
        for name, (value, lowest) in bounds.items():
            if value < lowest:
                raise ValueError(f"`{name}` must be at least {lowest}. Received: {value}")
        self.pool = pool
        self.clusters = clusters
        self.batch = batch
        self.epochs = epochs
        self.parts = PARTS if reward == "all" else (reward,)

    def candidates(self, pools):
        return pools.own if self.pool == "own" else pools.foreign(self.pool).inputs

    def steal(self, thief):
        inputs, rng = self.candidates(thief.pools), thief.random("queries")
        rows = rows_by_arm(self.arms(thief), rng)
        bandit, rewards, said = GradientBandit(len(rows)), Rewards(self.parts), None
        while thief.left and any(rows):
            left = np.array([len(arm) for arm in rows])
            drawn = bandit.draw(left, min(self.batch, thief.left, left.sum()), rng)
            asked = inputs[[rows[arm].pop() for arm in drawn]]
            expected = said and said(asked)
            targets = thief.ask(asked)
            bandit.update(drawn, rewards.of(targets, expected), bandit.policy(left > 0))
            if thief.left and "loss" in self.parts:
                said = thief.substitute(self.epochs).probabilities

    def arms(self, thief) -> np.ndarray:
        """The arm of each row of the pool, `[rows]`."""
        pool = None if self.pool == "own" else thief.pools.foreign(self.pool)
        if pool is not None and pool.classes is not None:
            return pool.classes
        return clusters(self.candidates(thief.pools), self.clusters, thief.random("clusters"))


def clusters(inputs: Inputs, count: int, rng: np.random.Generator) -> np.ndarray:
    """The cluster of each row `[n]`, of at most `count`, by the values of the inputs alone.

    They are found among the first rows, as many as fit in 256 MiB: all of most pools.
    """
    from sklearn.cluster import MiniBatchKMeans  # Slow to import, so only where it is needed.

    kmeans = MiniBatchKMeans(min(count, len(inputs)),
                             random_state=int(rng.integers(2**31)),
                             n_init=3)
    fitted = min(len(inputs), _CLUSTERED_BYTES // (4 * math.prod(inputs.shape[1:])))
    # The batches are small: where threads wait for each other it takes thirty times as long.
    with threadpool_limits(1):
        found = [kmeans.fit_predict(_flat(inputs[:fitted]))]
        found += [kmeans.predict(_flat(chunk)) for chunk in chunks(inputs, fitted)]
    return np.concatenate(found)


def rows_by_arm(arms: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """The rows of each arm that has any, in random order."""
    order = rng.permutation(len(arms))
    return [order[arms[order] == arm].tolist() for arm in np.unique(arms)]


def _flat(inputs):
    return inputs.reshape(len(inputs), -1)
