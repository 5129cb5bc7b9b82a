"""When a failed request is sent again."""

from collections.abc import Callable
import random
import time
from typing import TypeVar

from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RequestFailedError

T = TypeVar("T")
# The longest wait that a server may ask for; a run ends rather than wait longer.
_LONGEST_WAIT_S = 600


def delay_s(policy: RetryPolicy, retries: int, error: RequestFailedError) -> float:
    """Returns the seconds to wait before a request is sent again.

    Args:
        policy: How often a request is sent again, and when.
        retries: How often it was sent again so far.
        error: Its last failure.

    Raises:
        EndpointError: If it is not to be sent again.
    """
    if retries == policy.retries:
        raise EndpointError(f"The endpoint failed {retries + 1} times in a row, and the run gives "
                            f"up; all answers so far are kept. The last failure: {error}")
    if (error.retry_after_s or 0) > _LONGEST_WAIT_S:
        raise EndpointError(f"The endpoint asks to wait for {error.retry_after_s:.0f} s. Give the "
                            f"same command again then. The failure: {error}")
    return policy.delay_s(retries, error.retry_after_s, random.random())


def retrying(ask: Callable[[], T], policy: RetryPolicy, at_first: bool = False) -> T:
    """Sends a request that costs nothing until it is answered.

    Args:
        ask: Sends the request once.
        policy: How often it is sent again, and when.
        at_first: Whether this is the first contact, so that an unreachable address is taken to be
            wrong and not asked again.

    Raises:
        EndpointError: If there is no answer after the last retry, or asking again would not help.
    """
    retries = 0
    while True:
        try:
            return ask()
        except RequestFailedError as error:
            if at_first and isinstance(error, NotReachedError):
                raise EndpointError("`address` must be an address that can be reached. Received: "
                                    f"{error}") from None
            time.sleep(delay_s(policy, retries, error))
        retries += 1
