"""An HTTP server with scripted replies that records its requests."""
from collections.abc import Callable
import contextlib
import dataclasses
import http.server
import json
import socketserver
import threading
import urllib.parse

SIGNATURE = {
    "inputs": {
        "x": {"dtype": "DT_FLOAT",
              "tensor_shape": {"dim": [{"size": "-1", "name": ""}, {"size": "3", "name": ""}],
                               "unknown_rank": False},
              "name": "x:0"}
    },
    "outputs": {
        "y": {"dtype": "DT_FLOAT",
              "tensor_shape": {"dim": [], "unknown_rank": True}, "name": "y:0"}
    },
    "method_name": "tensorflow/serving/predict",
    "of_a_later_version": 7,
}  # yapf: disable
METADATA = {"metadata": {"signature_def": {"signature_def": {"serving_default": SIGNATURE}}}}


@dataclasses.dataclass(frozen=True)
class Reply:
    """A reply: JSON, or bytes as they are.

    Attributes:
        drip_s: How long the server waits before each byte of the body.
        header_drip_s: How long it waits before each line of the headers.
        length: Of the body, as the header says; None for what it is, -1 for no such header.
    """
    body: object = None
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    drip_s: float = 0.0
    header_drip_s: float = 0.0
    length: int | None = None

    @property
    def content(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, as it arrived."""
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)


def states(*versions):
    """The reply to a request for states: these versions are available."""
    return {"model_version_status": [{"version": str(v), "state": "AVAILABLE"} for v in versions]}


class ScriptedServer:
    """Answers for a model while it is entered.

    Args:
        answer: Makes the reply to a `Request`. By default, `replies` are given.
        path: Of a Unix socket, instead of a port.
        tls: Server context of the connections; none are encrypted by default.
        **replies: What the next requests of a kind are answered with, in order, the last one for
            ever: `metadata`, `status` and `predict`. A function makes one from the `Request`.

    Attributes:
        replies: Likewise.
        requests: Pairs of a kind and the request's headers.
        received: The requests.
        address: Host and port, or the path of the socket, percent-encoded.
        url: The model's.
    """

    def __init__(self,
                 answer: Callable[[Request], Reply] | None = None,
                 path=None,
                 tls=None,
                 **replies):
        self.replies = {"metadata": [Reply(METADATA)], "status": [Reply(states(1))]} | replies
        self.answer = answer or self._scripted
        self.requests, self.received = [], []
        self.ended = threading.Event()
        if path is None:
            self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            self.address = "127.0.0.1:{}".format(self._http.server_address[1])
        else:
            self._http = _SocketServer(str(path), _Handler)
            self.address = urllib.parse.quote(str(path), safe="")
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._http.daemon_threads = True
        self._http.script = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        scheme = "http+unix" if path else "https" if tls else "http"
        self.url = f"{scheme}://{self.address}/v1/models/model"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def asked(self, kind):
        """Returns how often it was asked."""
        return [name for name, _ in self.requests].count(kind)

    def reply_to(self, request):
        """Records a request and returns the reply."""
        self.requests.append((_kind_of(request), request.headers))
        self.received.append(request)
        return self.answer(request)

    def _scripted(self, request):
        replies = self.replies[_kind_of(request)]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(request) if callable(reply) else reply


def _kind_of(request):
    if request.method == "POST":
        return "predict"
    return "metadata" if request.path.endswith("/metadata") else "status"


class _SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An HTTP server at a Unix socket."""

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("socket", 0)


class _Handler(http.server.BaseHTTPRequestHandler):

    def log_message(self, *_):
        pass

    def do_GET(self):
        script = self.server.script
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = script.reply_to(Request(self.command, self.path, dict(self.headers), body))
        content = reply.content
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length != -1:
            self.send_header("Content-Length", str(reply.length or len(content)))
        with contextlib.suppress(ConnectionError):
            self._end_headers(reply.header_drip_s)
        if not reply.drip_s:
            self.wfile.write(content)
            return
        with contextlib.suppress(ConnectionError):
            for index in range(len(content)):
                if script.ended.wait(reply.drip_s):
                    return
                self.wfile.write(content[index:index + 1])

    def _end_headers(self, drip_s):
        lines, self._headers_buffer = self._headers_buffer, []
        for line in lines if drip_s else ():
            if self.server.script.ended.wait(drip_s):
                return
            self.wfile.write(line)
        self._headers_buffer = [] if drip_s else lines
        self.end_headers()

    do_POST = do_GET
