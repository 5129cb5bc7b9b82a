"""An HTTP server with scripted replies that records its requests."""
import contextlib
import dataclasses
import http.server
import json
import threading

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
        length: Of the body, as the header says; None for what it is, -1 for no such header.
    """
    body: object = None
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    drip_s: float = 0.0
    length: int | None = None

    @property
    def content(self):
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def states(*versions):
    """The reply to a request for states: these versions are available."""
    return {"model_version_status": [{"version": str(v), "state": "AVAILABLE"} for v in versions]}


class ScriptedServer:
    """Answers for a model while it is entered.

    Attributes:
        replies: What the next requests of a kind are answered with, in order, the last one for
            ever: `metadata`, `status` and `predict`.
        requests: Pairs of a kind and the request's headers.
        url: The model's.
    """

    def __init__(self, **replies):
        self.replies = {"metadata": [Reply(METADATA)], "status": [Reply(states(1))]} | replies
        self.requests = []
        self.ended = threading.Event()
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.script = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self.url = "http://127.0.0.1:{}/v1/models/model".format(self._http.server_address[1])

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


class _Handler(http.server.BaseHTTPRequestHandler):

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._reply("metadata" if self.path.endswith("/metadata") else "status")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._reply("predict")

    def _reply(self, kind):
        script = self.server.script
        script.requests.append((kind, dict(self.headers)))
        replies = script.replies[kind]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        content = reply.content
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.length != -1:
            self.send_header("Content-Length", str(reply.length or len(content)))
        self.end_headers()
        if not reply.drip_s:
            self.wfile.write(content)
            return
        with contextlib.suppress(ConnectionError):
            for index in range(len(content)):
                if script.ended.wait(reply.drip_s):
                    return
                self.wfile.write(content[index:index + 1])
