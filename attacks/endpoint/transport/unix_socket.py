"""HTTP over a Unix socket."""

import socket

import urllib3
import urllib3.connection

from attacks.endpoint.transport.bounded_adapter import BoundedAdapter


class UnixSocketAdapter(BoundedAdapter):
    """Sends the requests of a session to a Unix socket, whatever the host in their URLs is.

    Args:
        path: The path of the socket.
        **options: Those of `BoundedAdapter`.
    """

    def __init__(self, path: str, **options):
        self._path = path
        super().__init__(**options)

    def init_poolmanager(self, *args, **options):
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": self._pool}

    def _pool(self, host, port, **options):
        pool = urllib3.HTTPConnectionPool(host, port, **options)
        pool.ConnectionCls = type("Socket", (_SocketConnection,), {"path": self._path})
        return pool


class _SocketConnection(urllib3.connection.HTTPConnection):
    """A connection to the socket at `path`."""
    path = ""

    def _new_conn(self):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if isinstance(self.timeout, (int, float)):
                connection.settimeout(self.timeout)
            connection.connect(self.path)
        except TimeoutError as error:
            connection.close()
            raise urllib3.exceptions.ConnectTimeoutError(self, f"{self.path}: {error}") from error
        except OSError as error:
            connection.close()
            raise urllib3.exceptions.NewConnectionError(self, f"{self.path}: {error}") from error
        return connection
