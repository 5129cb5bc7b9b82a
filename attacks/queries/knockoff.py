"""The adaptive Knockoff Nets attack: a bandit learns which images are worth querying."""

import math

import numpy as np
from threadpoolctl import threadpool_limits

from attacks.queries.attack import Attack
from attacks.queries.selection.bandit import GradientBandit
from attacks.queries.selection.rewards import PARTS
from attacks.queries.selection.rewards import Rewards
from models.data.streamed import chunks
from models.data.streamed import Inputs
from revsig_keras.arguments import check_integer

# Size of the inputs, float32, to which clusters are fitted.
_CLUSTERED_BYTES = 2**28


class Knockoff(Attack):
    """Draws inputs from the classes of a pool with the highest rewards, without replacement (arXiv
    1812.02766, "adaptive").

    The arms of a `GradientBandit` are the classes of the pool. A pool without classes is divided
    into clusters of its inputs (mini-batch k-means on the values), which is this project's choice.
    The labels of the victim's own task are never arms, since the thief's own pool has none.
    `Rewards` defines the worth of an answer. Within an arm, inputs are drawn uniformly; an arm
    without inputs left is not drawn.

    All arms of a round are drawn by one policy. Then the round is queried, and the bandit learns
    from its rows one by one.

    As in the paper: the policy and its step, the three rewards, their mapping to [0, 1], their
    equal weights, and the window of past rows over which baseline and diversity are means. (The
    authors' public code has no adaptive strategy.) Differs: the paper arranges the classes of its
    pool in a hierarchy; what the parts are mapped by is left open there, and the length of the
    window is not known to this project; rows are queried in rounds. The authors' code queries 8
    rows at a time. Here a round has 32, the rows of a clone's training step by default: it costs
    one request and, if the reward includes the loss, one training of the substitute on all rows so
    far, so the work grows with the square of the number of rounds.

    Args:
        pool: String, `own` for the inputs of the victim's domain, or images of another one:
            `photos`, `digits`, an image-classification set of TFDS, or your own files, as `copycat`
            has them, with or without labels `y`. Defaults to `"photos"`.
        clusters: Integer, the number of arms for a pool without classes. Defaults to `10`.
        reward: String, one of `"certainty"`, `"diversity"`, `"loss"`, `"all"`, the mean of the
            three. Defaults to `"all"`.
        batch: Integer, the rows of a round. Defaults to `32`.
        epochs: Integer, the number of times that a round trains the substitute on each row; it
            starts from the last substitute. Only used if the reward includes the loss. Defaults to
            `5`.
        window: Integer, the number of past rows over which the bandit's baseline and the diversity
            are means, and among which rewards are mapped to [0, 1]. Defaults to `25`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 pool: str = "photos",
                 clusters: int = 10,
                 reward: str = "all",
                 batch: int = 32,
                 epochs: int = 5,
                 *,
                 window: int = 25):
        if reward not in (*PARTS, "all"):
            raise ValueError(f"`reward` must be one of {', '.join(PARTS)}, all. Received: "
                             f"{reward!r}")
        self.pool = pool
        self.clusters = check_integer("clusters", clusters, least=2)
        self.batch = check_integer("batch", batch, least=1)
        self.epochs = check_integer("epochs", epochs, least=1)
        self.window = check_integer("window", window, least=1)
        self.parts = PARTS if reward == "all" else (reward,)

    @property
    def asks_own_rows(self):
        return self.pool == "own"

    def candidates(self, pools):
        return pools.own if self.pool == "own" else pools.foreign(self.pool).inputs

    def steal(self, thief):
        inputs, rng = self.candidates(thief.pools), thief.random("queries")
        rows = rows_by_arm(self.arms(thief), rng)
        bandit, predict = GradientBandit(len(rows), self.window), None
        rewards = Rewards(self.parts, self.window)
        while thief.left and any(rows):
            left = np.array([len(arm) for arm in rows])
            drawn = bandit.draw(left, min(self.batch, thief.left, left.sum()), rng)
            asked = inputs[[rows[arm].pop() for arm in drawn]]
            predicted = predict and predict(asked)
            targets = thief.ask(asked)
            bandit.update(drawn, rewards.of(targets, predicted), bandit.policy(left > 0))
            if thief.left and "loss" in self.parts:
                predict = thief.substitute(self.epochs).probabilities

    def arms(self, thief) -> np.ndarray:
        """The arm of each row of the pool, `[rows]`."""
        pool = None if self.pool == "own" else thief.pools.foreign(self.pool)
        if pool is not None and pool.classes is not None:
            return pool.classes
        return clusters(self.candidates(thief.pools), self.clusters, thief.random("clusters"))


def clusters(inputs: Inputs, count: int, rng: np.random.Generator) -> np.ndarray:
    """Finds at most `count` clusters by the values of the inputs; returns that of each row, `[n]`.

    The clusters are fitted to the first rows, as many as fit in 256 MiB: all of most pools.
    """
    from sklearn.cluster import MiniBatchKMeans  # Slow to import, so only where it is needed.

    kmeans = MiniBatchKMeans(min(count, len(inputs)),
                             random_state=int(rng.integers(2**31)),
                             n_init=3)
    fitted = min(len(inputs), _CLUSTERED_BYTES // (4 * math.prod(inputs.shape[1:])))
    # On batches this small, several threads take thirty times as long, waiting for each other.
    with threadpool_limits(1):
        found = [kmeans.fit_predict(_flat(inputs[:fitted]))]
        found += [kmeans.predict(_flat(chunk)) for chunk in chunks(inputs, fitted)]
    return np.concatenate(found)


def rows_by_arm(arms: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """The rows of each arm, in random order; arms without rows are left out."""
    order = rng.permutation(len(arms))
    return [order[arms[order] == arm].tolist() for arm in np.unique(arms)]


def _flat(inputs):
    return inputs.reshape(len(inputs), -1)
