"""What can become of a request, beside an answer."""

import re

_CONNECTION = re.compile(
    r"reset|disconnect|closed|broken|goaway|abort|terminat|time[d-]? ?out|\beof\b", re.IGNORECASE)


class EndpointError(ValueError):
    """The endpoint cannot be used as it is asked for; to ask again would not help."""


class RequestFailedError(Exception):
    """A request that may be sent again.

    Args:
        message: What happened, or what the server said.

    Attributes:
        retry_after_s: Seconds that the server asks to wait, or None.
    """

    def __init__(self, message: str, retry_after_s: float | None = None):
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(RequestFailedError):
    """The model has not run: no connection came about, or the server said no before."""


class NotReachedError(RefusedError):
    """No connection came about."""


class InDoubtError(RequestFailedError):
    """The model may have run: the connection ended, or the answer came too late or in pieces."""


def speaks_of_connection(text: str) -> bool:
    """Whether a refusal is about a connection that ended.

    A gateway may have sent the rows on by then.
    """
    return _CONNECTION.search(text) is not None
