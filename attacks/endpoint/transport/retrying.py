"""Repeats a request that costs nothing."""

from collections.abc import Callable
import random
import time
from typing import TypeVar

from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RequestFailedError

T = TypeVar("T")


def retrying(ask: Callable[[], T], policy: RetryPolicy, at_first: bool = False) -> T:
    """Asks until there is an answer.

    Args:
        ask: Sends the request, once.
        policy: How often it is sent again, and when.
        at_first: Whether nothing was ever answered, so that a server that cannot be reached is
            taken to be the wrong one.

    Raises:
        EndpointError: If there is no answer after the last retry, or to ask again would not help.
    """
    retry = 0
    while True:
        try:
            return ask()
        except RequestFailedError as error:
            if at_first and isinstance(error, NotReachedError):
                raise EndpointError(f"`--oracle` must be an address that can be reached. "
                                    f"Received: {error}") from None
            if retry == policy.retries:
                raise EndpointError(f"The endpoint failed {retry + 1} times in a row. It said: "
                                    f"{error}") from None
            time.sleep(policy.delay_s(retry, error.retry_after_s, random.random()))
        retry += 1
