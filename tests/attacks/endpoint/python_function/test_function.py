"""Endpoints that are Python functions: their answers, versions, failures and audits."""
import hashlib
import textwrap

import numpy as np
import pytest

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import WaitError
from attacks.endpoint.settings.declared_model import DeclaredModel

X = np.float32([[0.5, 0.25], [0.125, 1]])


@pytest.fixture
def client(tmp_path):
    """Writes the body of a function `predict(rows)`; returns its endpoint."""

    def write(body, function="predict", **changes):
        path = tmp_path / "client.py"
        code = textwrap.indent(textwrap.dedent(body), "    ")
        path.write_text("import numpy as np\n\nfrom attacks.endpoint import failures\n\n\n"
                        f"def predict(rows):\n{code}\n")
        address = Address.parse(f"python:file={path}:function={function}")
        return connect(EndpointConfig(address, **changes))

    return write


@pytest.mark.parametrize("body, expected", [
    ("return rows", X.tolist()),
    ("return rows.tolist()", X.tolist()),
    ("return [0, 1]", [0, 1]),
    ("return [{'0': .9, '1': .1}] * 2", [[.9, .1]] * 2),
    ("return tuple(rows)", X.tolist()),
])
def test_answers_are_read(body, expected, client, tmp_path):
    endpoint = client(body)
    answers, version = endpoint.predict(X)
    assert answers.tolist() == expected
    assert version == endpoint.version() == hashlib.sha256(
        (tmp_path / "client.py").read_bytes()).hexdigest()


def test_names_of_classes(client, tmp_path):
    (tmp_path / "names").write_text("cat\ndog")
    model = DeclaredModel("uint8", (2,), str(tmp_path / "names"))
    endpoint = client("return ['dog', 'cat']", model=model)
    assert endpoint.predict(X)[0].tolist() == [1, 0]
    signature = endpoint.signature()
    assert (signature.input_dtype, signature.input_shape) == (np.uint8, (2,))
    assert endpoint.subject(signature).split()[-1].startswith("classes:")


FAILURES = [
    ("raise failures.RefusedError('busy', 2)", RefusedError, "busy"),
    ("raise failures.WaitError('quota')", WaitError, "quota"),
    ("raise failures.InDoubtError('late')", InDoubtError, "late"),
    ("raise KeyError('x')", EndpointError, "must answer. Received: KeyError: 'x', on rows"),
    ("raise SystemExit(3)", EndpointError, "SystemExit: 3"),
    ("return None", EndpointError, "2 rows. Received: none of them in NoneType"),
    ("return rows[:1]", EndpointError, "2 rows. Received: 1 of them"),
    ("return np.float32(1)", EndpointError, "2 rows. Received: "),
    ("return object()", EndpointError, "2 rows. Received: none of them in object"),
]  # yapf: disable


@pytest.mark.parametrize("body, failure, message", FAILURES)
def test_failures(body, failure, message, client):
    with pytest.raises(failure, match=message):
        client(body).predict(X)


def test_functions_that_cannot_be_called_are_refused(client, tmp_path):
    with pytest.raises(ValueError, match="`function` must be .*'other'"):
        client("return rows", function="other")
    with pytest.raises(ValueError, match="must run without an error. Received: SyntaxError"):
        client("return (")
    for file in ("nowhere.py", tmp_path):
        with pytest.raises(ValueError, match="`address` must be python:.* an existing file"):
            connect(EndpointConfig(Address.parse(f"python:file={file}")))
    with pytest.raises(ValueError, match="`address` must be python:.* an existing file"):
        connect(EndpointConfig(Address.parse("python:function=predict")))


def test_a_frozen_copy_is_called_with_rows_of_its_own(client):
    endpoint = client("rows[:] = 0\nreturn [[1, 0], [0, 1]]")
    inputs = X.copy()
    assert endpoint.predict(inputs)[0].tolist() == [[1, 0], [0, 1]]
