"""What a run has sent, and may send."""

from attacks.endpoint.assignment import Assignment
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.records import Bill

# The accounts that rows are billed to: the probe has its own for rows that it asks again.
ACCOUNTS = ("thief", "evaluation", "probe")


class BillExceededError(ValueError):
    """A run would have to send more rows than `max_rows` allows; they were not sent."""


class Billing:
    """The bill of a run, which is in the ledger.

    Args:
        ledger: The ledger.
        assignment: The run, and the most rows that it may send.
    """

    def __init__(self, ledger: Ledger, assignment: Assignment):
        self._ledger, self._assignment = ledger, assignment

    def bill(self, account: str) -> Bill:
        """Returns what the run has sent on an account of `ACCOUNTS`."""
        return self._ledger.bill(self._assignment.run, account)

    def rows_left(self) -> int | None:
        """Returns the rows that the run may still send, None for no limit."""
        most = self._assignment.max_rows
        return None if most is None else most - self._sent()

    def check(self, rows: int) -> None:
        """Raises `BillExceededError` if the run may not send this many more rows."""
        left = self.rows_left()
        if left is not None and rows > left:
            raise BillExceededError(
                f"`max_rows` allows this run to send {self._assignment.max_rows} rows, "
                f"{self._sent()} were sent, and at least {rows} more are needed; they were not "
                "sent, and all answers so far are kept. The same command with a larger `max_rows` "
                "goes on")

    def _sent(self):
        return sum(self.bill(account).rows_sent for account in ACCOUNTS)
