"""A relay between a client and a server, which ends connections as no server can by itself."""
import contextlib
import socket
import ssl
import struct
import threading

FATES = (None, "reset", "truncate", "silence")


class Relay:
    """Passes bytes on, of any protocol, while it is entered.

    Args:
        target: Host and port of the server.
        fate: Called when bytes of the server arrive; tells what becomes of them: None, they are
            passed on; `"reset"`, the connection ends with RST before them; `"truncate"`, it ends
            with FIN inside them; `"silence"`, they are lost, and the connection stays open.
        tls: Server context of the connections from the client; none are encrypted by default.
        address: Host and port to listen at; by default a port that the system chooses.

    Attributes:
        address: Host and port.
        connections: How many there were.
    """

    def __init__(self, target, fate=lambda: None, tls=None, address=("127.0.0.1", 0)):
        self._target = target.split(":")
        self._fate = fate
        self._tls = tls
        self._listener = socket.create_server(address)
        self._open = []
        self._threads = []
        self.connections = 0
        self.address = "{}:{}".format(*self._listener.getsockname())

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            end(connection)
        for thread in self._threads:
            thread.join()

    def _start(self, body, *args):
        self._threads.append(threading.Thread(target=body, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._open.append(client)
                self._start(self._serve, client)

    def _serve(self, client):
        with contextlib.suppress(OSError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(self._target)
            self._open += [client, server]
            self._start(self._pass, client, server)
            self._answer(server, client)
        end(client)

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(2**16):
                sink.sendall(piece)
        end(sink)

    def _answer(self, server, client):
        while piece := server.recv(2**16):
            fate = self._fate()
            if fate is None:
                client.sendall(piece)
            elif fate == "truncate":
                return client.sendall(piece[:len(piece) // 2])
            elif fate == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.shutdown(socket.SHUT_RD)  # Or whoever reads keeps it open.
                return client.close()


def end(connection):
    """Ends it, for whoever waits for it too."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()


def server_context(certificate, key):
    """Of TLS, for both protocols."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
