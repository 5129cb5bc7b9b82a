"""The REST API of TensorFlow Serving, as documented, on the HTTP server of the standard library."""
import contextlib
import http.server
import json
import os
import re
import socket
import struct
import threading
import urllib.parse

from google.protobuf import json_format

from tests.serving import rest_json
from tests.serving.fault import Fault
from tests.serving.status import invalid
from tests.serving.status import ServingError

MODEL = r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?"
PREDICT = re.compile(MODEL + r":(?P<verb>predict|classify|regress)")
STATUS = re.compile(MODEL + r"(?P<metadata>/metadata)?")


class RestFrontend:
    """Answers for a `ModelServer` while it is entered.

    Attributes:
        address: Host and port.
    """

    def __init__(self, model):
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.model = model
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self.address = "{}:{}".format(*self._http.server_address)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Server(http.server.ThreadingHTTPServer):
    """Ends the connections that clients keep alive when it ends itself."""
    request_queue_size = 128

    def __init__(self, *args):
        self._open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self):
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """Clients may go away as they like."""
        with contextlib.suppress(ConnectionError):
            raise


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        match = STATUS.fullmatch(self.path)
        self._answer(self._metadata if match and match["metadata"] else self._status, match)

    def do_POST(self):
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(self._predict, PREDICT.fullmatch(self.path))

    def _answer(self, method, match):
        """What the method makes of the model and version of the path, or its error."""
        try:
            if match is None:
                raise invalid(f"Malformed request: {self.command} {self.path}")
            version = None if match["version"] is None else int(match["version"])
            body, fault = method(urllib.parse.unquote(match["name"]), version, match)
            self._send(200, body, fault)
        except ServingError as error:
            body = json.dumps({"error": error.message}).encode()
            self._send(error.http, body, getattr(error, "fault", Fault()))

    def _predict(self, name, version, match):
        if match["verb"] != "predict":
            raise ServingError("UNIMPLEMENTED", f"{match['verb']} is not implemented")
        model = self.server.model
        fault = model.admit("rest")
        request = rest_json.parse(self._body)
        _, servable = model.find(name, version)
        signature_name = request.get("signature_name") or "serving_default"
        if signature_name not in servable.signatures:
            raise invalid(f'Serving signature name: "{signature_name}" not found in signature def')
        inputs = rest_json.decode(request, servable.signature(signature_name).inputs)
        outputs = model.run(servable, signature_name, inputs)
        return rest_json.encode(outputs, in_rows="instances" in request), fault

    def _status(self, name, version, _):
        states = [{
            "version": str(number),
            "state": "END" if error else "AVAILABLE",
            "status": {
                "error_code": "UNKNOWN" if error else "OK",
                "error_message": error
            }
        } for number, error in self.server.model.states(name, version).items()]
        return indented({"model_version_status": states}), Fault()

    def _metadata(self, name, version, _):
        version, servable = self.server.model.find(name, version)
        signatures = {
            key:
                json_format.MessageToDict(signature,
                                          preserving_proto_field_name=True,
                                          always_print_fields_with_no_presence=True)
            for key, signature in servable.signature_defs.items()
        }
        return indented({
            "model_spec": {
                "name": name,
                "signature_name": "",
                "version": str(version)
            },
            "metadata": {
                "signature_def": {
                    "signature_def": signatures
                }
            }
        }), Fault()

    def _send(self, status, body, fault):
        if fault.cut == "reset":
            return self._reset()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if fault.retry_after_s is not None:
            self.send_header("Retry-After", str(fault.retry_after_s))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if fault.cut else body)
        self.close_connection |= fault.cut is not None

    def _reset(self):
        """Ends the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        os.close(self.connection.detach())


def indented(value):
    return json.dumps(value, indent=1).encode()
