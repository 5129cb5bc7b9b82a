"""HTTP connections that limit the time in which the headers of an answer arrive."""

import contextlib
import socket
import threading

import requests.adapters
import urllib3
import urllib3.connection


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Sends the requests of a session, and limits the time in which headers arrive.

    The time-out of `requests` is per piece, so that headers in many pieces could take for ever.
    Here it is the limit for all of them, and late ones fail like those of a silent server.
    """

    def get_connection_with_tls_context(self, *args,
                                        **options) -> urllib3.connectionpool.HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **options)
        kind = pool.ConnectionCls
        if not issubclass(kind, _BoundedConnection):
            pool.ConnectionCls = type("Bounded", (_BoundedConnection, kind), {})
        return pool


class _BoundedConnection(urllib3.connection.HTTPConnection):
    """A connection that ends when its time is over and the headers are not complete."""

    def getresponse(self):
        connected, is_late = self.sock, threading.Event()

        def end():
            is_late.set()
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                connected.shutdown(socket.SHUT_RD)

        watch = threading.Timer(self.timeout, end)
        watch.daemon = True
        watch.start()
        try:
            return super().getresponse()
        finally:
            watch.cancel()
            if is_late.is_set():  # Headers that were cut off may look complete.
                raise TimeoutError
