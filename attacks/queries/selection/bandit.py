"""A gradient bandit, which learns the arms with the highest rewards."""

import collections

import numpy as np


class GradientBandit:
    """Prefers arms with rewards above the average (Sutton and Barto, "Reinforcement
    Learning", section 2.8; as in arXiv 1812.02766).

    The policy is the softmax of preferences H. After a pull of arm z with reward r

        H_j <- H_j + alpha (r - baseline) ((j == z) - policy_j)

    where alpha is 1 / (pulls of z so far) and the baseline is the mean of the last rewards before
    it, `window` of them. The very first reward is its own baseline.

    Args:
        arms: Integer, the number of arms.
        window: Integer, the number of rewards in the baseline.
    """

    def __init__(self, arms: int, window: int):
        self._preferences = np.zeros(arms)
        self._pulls = np.zeros(arms, np.int64)
        self._recent: collections.deque[float] = collections.deque(maxlen=window)

    def policy(self, is_open: np.ndarray) -> np.ndarray:
        """The probability of each arm, 0 where the booleans `is_open`, `[arms]`, are false."""
        preferences = np.where(is_open, self._preferences, -np.inf)
        weights = np.exp(preferences - preferences.max())
        return weights / weights.sum()

    def draw(self, left: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws arms by one policy, none more often than it can be pulled.

        Args:
            left: Integers `[arms]`, the number of pulls left for each.
            count: The number of arms to draw, at most the sum of `left`.
            rng: Source of randomness.

        Returns:
            The arms, `[count]`.
        """
        left, drawn = left.copy(), []
        for _ in range(count):
            drawn.append(rng.choice(len(left), p=self.policy(left > 0)))
            left[drawn[-1]] -= 1
        return np.array(drawn, np.int64)

    def update(self, arms: np.ndarray, rewards: np.ndarray, policy: np.ndarray) -> None:
        """Learns from a round of pulls, in their order.

        Args:
            arms: The pulled arms, `[n]`.
            rewards: The reward of each pull, `[n]`.
            policy: The policy that drew the arms, `[arms]`.
        """
        for arm, reward in zip(arms, rewards):
            baseline = np.mean(self._recent) if self._recent else reward
            self._pulls[arm] += 1
            step = (reward - baseline) / self._pulls[arm]
            self._preferences -= step * policy
            self._preferences[arm] += step
            self._recent.append(reward)
