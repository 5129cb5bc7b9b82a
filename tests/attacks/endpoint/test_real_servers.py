"""The script that audits real servers: its commands are read, and the README has its table."""
import importlib.util
import pathlib
import re
import shlex

import pytest

from attacks import flags
from attacks.endpoint.endpoint import connect
from tests.attacks.programs import parsed

AUDIT = pathlib.Path(__file__).parents[3] / "examples" / "audit"


@pytest.fixture(name="script", scope="module")
def script_fixture():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("real_servers", AUDIT / "real_servers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="weights")
def weights_fixture(script, tmp_path, monkeypatch):
    """The weights of the model that is served."""
    monkeypatch.setenv("WEIGHTS", str(tmp_path / "weights.npz"))
    script.write_weights(tmp_path / "weights.npz")


def table():
    """The rows of the table in the README, as lists of their cells."""
    lines = re.findall(r"^\| (.*) \|$", (AUDIT / "README.md").read_text(), re.MULTILINE)
    return [re.split(r" *\| *", line) for line in lines[1:]]


def test_each_command_is_understood(script, weights):
    """With a script that starts the server."""
    pytest.importorskip("jmespath")
    for server in (script.IN_PROCESS, *script.ALL.values()):
        assert not server.name or (script.SERVERS / f"serve_{server.name}.py").exists()
        for text in server.audits.values():
            text = text.replace("GRPC_PORT", "1").replace("PORT", "2")
            values = parsed(*shlex.split(text), *script.AUDIT.split(), "--output_dir=anywhere")
            endpoint = flags.run_config(values).experiment.victim.endpoint
            if endpoint.address.scheme == "python":
                answers, _ = connect(endpoint).predict(script.np.zeros((3, 8, 8, 1), "float32"))
                assert answers.shape == (3, 10)


def test_the_table_has_each_protocol_of_each_server_with_the_figures_of_the_model(script):
    rows = table()
    expected = [(name, protocol) for name, server in script.ALL.items()
                for protocol in server.audits]  # yapf: disable
    assert rows[0][0] == "none: in process"
    assert [(row[0], row[2]) for row in rows[1:]] == expected
    for row in rows:
        assert row[3:5] == rows[0][3:5]
