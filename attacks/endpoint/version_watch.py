"""Confirms the version of answers that do not tell it."""

from collections.abc import Callable, Sequence
from concurrent import futures

from attacks.endpoint.assignment import Subject
from attacks.endpoint.ledger.records import Key


class VersionWatch:
    """Asks a server, in another thread, whether answers came from the version of the run.

    The answers are on disk before the server is asked: nothing that was paid for waits for it. One
    question confirms all answers that were noted before it was sent. If the server cannot tell, the
    answers count as confirmed.

    Args:
        ask: Asks the server for its version; None if it cannot tell.
        submit: Runs a function in another thread.
        subject: The model of the run.
        disown: Called with the keys of answers that another version may have given.
    """

    def __init__(self, ask: Callable[[], str | None], submit: Callable[[Callable[[], str | None]],
                                                                       futures.Future[str | None]],
                 subject: Subject, disown: Callable[[Sequence[Key]], None]):
        self._ask, self._submit, self._subject, self._disown = ask, submit, subject, disown
        self._noted: list[Key] = []
        self._in_question: list[Key] = []
        self._question: futures.Future[str | None] | None = None

    def note(self, keys: Sequence[Key]) -> None:
        """Takes answers that are on disk and do not tell their version."""
        self._noted += keys
        self._send()

    def check(self, wait: bool = False) -> None:
        """Reads what the server has said.

        Args:
            wait: Whether to wait until all answers are confirmed.

        Raises:
            EndpointError: If another version answers by now.
        """
        while self._question and (wait or self._question.done()):
            question, self._question = self._question, None
            version = question.result()
            found = self._subject if version is None else Subject(self._subject.name, version)
            if found != self._subject:
                self._disown(self._in_question + self._noted)
                self._in_question, self._noted = [], []
                self._subject.check(found)
            self._in_question = []
            self._send()

    def _send(self):
        if self._noted and not self._question:
            self._in_question, self._noted = self._noted, []
            self._question = self._submit(self._ask)
