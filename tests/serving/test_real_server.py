"""The real server is started, awaited and stopped; here a stand-in takes its place."""
import stat
import sys
import urllib.error
import urllib.request

import pytest

from tests.serving import clients
from tests.serving.real_server import BINARY
from tests.serving.real_server import RealModelServer

# Says that the versions are available which the folder has that the configuration names.
SERVES = """
import http.server, json, pathlib, re
flags = dict(flag.lstrip("-").split("=") for flag in sys.argv[1:])
config = pathlib.Path(flags["model_config_file"]).read_text()
base_path = pathlib.Path(re.search('base_path: "(.*)"', config)[1])

class Handler(http.server.BaseHTTPRequestHandler):

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        states = [dict(version=path.name, state="AVAILABLE") for path in base_path.iterdir()]
        self.wfile.write(json.dumps({"model_version_status": states}).encode())

http.server.HTTPServer(("127.0.0.1", int(flags["rest_api_port"])), Handler).serve_forever()
"""
FAILS = """
sys.exit("no such model")
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a program of that name in front of all others."""

    def install(code):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / BINARY).write_text(f"#!{sys.executable}\nimport sys\n{code}")
        (folder / BINARY).chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(folder), prepend=":")

    return install


def test_it_serves_while_it_is_entered(install, tmp_path):
    install(SERVES)
    (tmp_path / "model" / "1").mkdir(parents=True)
    with RealModelServer(tmp_path / "model") as server:
        assert server.rest_url.endswith("/v1/models/model")
        (tmp_path / "model" / "2").mkdir()
        server.poll()
        assert len(clients.get(server.rest_url)[1]["model_version_status"]) == 2
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.rest_url)


def test_what_it_says_when_it_does_not_start_is_told(install, tmp_path):
    install(FAILS)
    (tmp_path / "model" / "1").mkdir(parents=True)
    with pytest.raises(RuntimeError, match="no such model"), RealModelServer(tmp_path / "model"):
        pass
