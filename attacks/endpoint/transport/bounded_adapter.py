"""HTTP connections that limit the time in which the headers of an answer arrive."""

from collections.abc import Callable, Iterator
import contextlib
import functools
import socket
import threading
from typing import Any

import requests.adapters
import urllib3
import urllib3.connection


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Sends the requests of a session, and limits the time in which headers arrive.

    The time-out of `requests` is per piece, so that headers in many pieces could take for ever.
    Here it is the limit for all of them, and late ones fail like those of a silent server. A
    request may take as long to be sent, and not only as long as connecting may.

    Args:
        timeout_s: Seconds in which a request must be sent.
        **options: Those of `requests.adapters.HTTPAdapter`.
    """

    def __init__(self, timeout_s: float, **options):
        self._timeout_s = timeout_s
        super().__init__(**options)

    def get_connection_with_tls_context(self, *args,
                                        **options) -> urllib3.connectionpool.HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **options)
        kind = pool.ConnectionCls
        if not issubclass(kind, _BoundedConnection):
            pool.ConnectionCls = type("Bounded", (_BoundedConnection, kind),
                                      {"sending_s": self._timeout_s})
        return pool


class _BoundedConnection(urllib3.connection.HTTPConnection):
    """A connection that ends when its time is over and the headers are not complete."""
    sending_s = None

    def request(self, *args, **options):
        if self.is_closed:
            self.connect()
        self.timeout = self.sending_s  # Up to here, that of connecting.
        super().request(*args, **options)

    def getresponse(self):
        with limited(self.timeout, functools.partial(self.sock.shutdown, socket.SHUT_RD)):
            return super().getresponse()


@contextlib.contextmanager
def limited(seconds: float, end: Callable[[], Any]) -> Iterator[None]:
    """Limits the time that is spent in this context.

    Args:
        seconds: The limit.
        end: Called from another thread when it is reached, to end what the context waits for.

    Raises:
        TimeoutError: If it was reached, also where what was cut off looks complete.
    """
    is_late = threading.Event()

    def stop():
        is_late.set()
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            end()

    watch = threading.Timer(seconds, stop)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        if is_late.is_set():
            raise TimeoutError
