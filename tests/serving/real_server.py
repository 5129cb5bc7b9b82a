"""The real `tensorflow_model_server`, where it is on PATH, as a `ModelServer` is used."""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BINARY = "tensorflow_model_server"
CONFIG = """
model_config_list {{
  config {{
    name: "{name}"
    base_path: "{base_path}"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
  }}
}}
"""


class RealModelServer:
    """Serves all version folders of a model, as `ModelServer` does, but without faults and counts.

    Attributes:
        rest_url: The model's, to which `:predict` is added.
        grpc_address: Host and port.
    """

    def __init__(self, base_path, name="model", *, timeout_s=60):
        self._base_path = pathlib.Path(base_path).resolve()
        self._timeout_s = timeout_s
        self.name = name
        grpc_port, self._rest_port = free_ports(2)
        self.grpc_address = f"127.0.0.1:{grpc_port}"
        self.rest_url = f"http://127.0.0.1:{self._rest_port}/v1/models/{name}"

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp())
        config = self._folder / "models.config"
        config.write_text(CONFIG.format(name=self.name, base_path=self._base_path))
        self._log = open(self._folder / "log", "w+")
        command = [
            BINARY, f"--port={self.grpc_address.split(':')[1]}",
            f"--rest_api_port={self._rest_port}", f"--model_config_file={config}",
            "--file_system_poll_wait_seconds=1"
        ]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self.poll()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def poll(self):
        """Waits until it serves the versions that are there."""
        expected = {path.name for path in self._base_path.iterdir() if path.name.isdecimal()}
        end = time.monotonic() + self._timeout_s
        while self._available() != expected:
            if self._process.poll() is not None or time.monotonic() > end:
                self._log.seek(0)
                raise RuntimeError(f"{BINARY} does not serve {self._base_path}: {self._log.read()}")
            time.sleep(0.1)

    def _available(self):
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            with urllib.request.urlopen(self.rest_url, timeout=5) as answer:
                states = json.load(answer)["model_version_status"]
            return {state["version"] for state in states if state["state"] == "AVAILABLE"}
        return None


def free_ports(count):
    """Ports that nobody listens on, a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
