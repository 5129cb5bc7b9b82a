"""The defences of one victim, each fitted once."""

from collections.abc import Collection
import dataclasses
import threading

from attacks.oracle import deployed
from attacks.oracle.deployed import Deployed
from attacks.results.defence_states import DefenceStates
from models.data.splits import Splits
from models.processes.workers import Workers
from models.victim import OwnVictim
from models.victim import Victim


class Deployments:
    """The defences of one victim as they are deployed.

    A defence that can be fitted is fitted once, to the owner's validation rows and their true
    labels. If the victim was trained elsewhere, these rows are unknown: the evaluator's validation
    rows replace them, and the records of the cells say so.

    Args:
        victim: The clean victim.
        splits: The data.
        states: Where states are kept. Defaults to `None`: in memory alone.
    """

    def __init__(self,
                 victim: Victim | OwnVictim,
                 splits: Splits,
                 states: DefenceStates | None = None):
        self._victim, self._states = victim, states
        part = "victim_validation" if len(splits.victim_validation) else "evaluation"
        self._part, self._rows = part, getattr(splits, part)
        self._deployed: dict[str, Deployed] = {}
        self._lock = threading.Lock()

    def __call__(self, member: str) -> Deployed:
        """Returns a defence as it is deployed.

        Args:
            member: The defence, as written.

        Raises:
            ValueError: If it cannot be fitted.
        """
        with self._lock:
            if member not in self._deployed:
                self._deployed[member] = self._deploy(member)
            return self._deployed[member]

    def share(self, members: Collection[str], workers: Workers) -> None:
        """Deploys defences as the chief worker does; all workers call it with the same members."""
        chiefs = [self(member) for member in members] if workers.is_chief else []
        for made in workers.agree(list(map(dataclasses.asdict, chiefs))):
            self._deployed[made["member"]] = Deployed(**made)

    def _deploy(self, member):
        if not deployed.needs_rows(member):
            return deployed.named(member)
        if not self._states:
            return self._fit(member)
        state = self._states.recall(member, lambda: self._fit(member).state)
        return Deployed(member, state, self._part, len(self._rows))

    def _fit(self, member):
        return deployed.fit(member, self._victim, self._rows, self._part)
