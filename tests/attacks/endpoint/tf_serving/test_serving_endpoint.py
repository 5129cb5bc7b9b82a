"""Both protocols: answers to the bit, versions, and the meaning of failures."""
from concurrent import futures
import contextlib
import shutil

import grpc
import ml_dtypes
import numpy as np
import pytest

from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import NotReachedError
from attacks.endpoint.failures import RefusedError
from tests.attacks.endpoint.served import HAS_GRPC
from tests.attacks.endpoint.served import PROTOCOLS
from tests.attacks.endpoint.served import through
from tests.attacks.endpoint.served import X
from tests.serving.fault import Fault
from tests.serving.relay import Relay
from tests.serving.relay import server_context
from tests.serving.server import ModelServer

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)
# Protocol and request format.
each_way = pytest.mark.parametrize("way",
                                   [("rest", "row"),
                                    ("rest", "column"), *([("grpc", "row")] if HAS_GRPC else [])],
                                   ids="-".join)


@pytest.fixture
def ask(asked, server):
    """Makes endpoints of the server."""
    return lambda way, **changes: asked(server, way[0], request_format=way[1], **changes)


def version_of(endpoint):
    """The version of an answer, which REST does not tell."""
    return endpoint.predict(X)[1] or endpoint.version_now()


@each_way
def test_answers_are_the_models_to_the_bit(way, ask):
    endpoint = ask(way)
    signature = endpoint.signature()
    assert (signature.input_name, signature.output_name) == ("x", "y")
    assert (signature.input_dtype, signature.input_shape) == (np.float32, (3,))
    assert signature.output_shape == (3,)
    assert endpoint.version() == "12"
    outputs, version = endpoint.predict(X)
    assert (version or endpoint.version_now()) == "12" and outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs, X * np.float32(12))


@each_way
@pytest.mark.parametrize("name,expected", [("scores", X * np.float32(12)),
                                           ("wide", X.astype("float64") * 0.1),
                                           ("label", np.int64([2, 2, 0]))])
def test_one_of_several_outputs(name, expected, way, ask):
    outputs, _ = ask(way, signature="several", output_name=name).predict(X)
    assert outputs.dtype == expected.dtype
    np.testing.assert_array_equal(outputs, expected)


@each_way
def test_outputs_that_are_text(way, ask):
    outputs, _ = ask(way, signature="several", output_name="name").predict(X)
    text = ["c", "c", "a"]
    assert outputs.dtype == object
    assert outputs.tolist() == (text if way[0] == "rest" else [name.encode() for name in text])


@each_way
def test_outputs_that_are_bytes(way, ask):
    outputs, _ = ask(way, signature="several", output_name="raw_bytes").predict(X)
    assert outputs.tolist() == [b"c", b"c", b"\xff"]


@each_way
def test_nan_and_infinity_are_sent_and_received(way, ask):
    x = np.float32([[np.nan, np.inf, -np.inf]])
    np.testing.assert_array_equal(ask(way).predict(x)[0], x)


@each_way
def test_integers_are_sent(way, ask):
    endpoint = ask(way, signature="pixels")
    signature = endpoint.signature()
    assert signature.input_dtype == np.uint8 and signature.input_shape == (2, 2)
    x = np.arange(8, dtype=np.uint8).reshape(2, 2, 2) * 30
    np.testing.assert_array_equal(endpoint.predict(x)[0], x.astype("float32") * 2)


@pytest.mark.parametrize("signature,dtype", [("half", np.float16), ("brain", ml_dtypes.bfloat16)])
@each_protocol
def test_half_precision_needs_grpc(protocol, signature, dtype, ask):
    endpoint = ask((protocol, "row"), signature=signature)
    if protocol == "rest":
        with pytest.raises(EndpointError, match="or be asked by grpc://. Received: b?float16"):
            endpoint.signature()
    else:
        assert endpoint.signature().input_dtype == dtype
        x = np.clip(X, -9, 9).astype(dtype)
        np.testing.assert_array_equal(endpoint.predict(x)[0], x)


CHOICES = [
    (dict(signature="none"), "`signature` must be one of .*first, four, .*'none'"),
    (dict(signature="four", rows_per_request=4), "any number of rows .*, which takes 4 alone"),
    (dict(signature="one"), "`rows_per_request` must be 1, .*Received: 64"),
    (dict(signature="words"), "`input_name` must name an input of numbers.*: string"),
    (dict(input_name="z"), r"`input_name` must be one of .*x \(float32 \[\?, 3\]\).*'z'"),
    (dict(signature="pair"), "`input_name` must be one of .*a .*b .*Received: no name"),
    (dict(signature="pair", input_name="a"), "`signature` must name .* one input only.*a and b"),
    (dict(signature="several"), r"`output_name` must be one of .*label \(int64 \[\?\]\)"),
    (dict(output_name="z"), "`output_name` must be one of .*y .*'z'"),
    (dict(signature="mean"), "a row for each input. .*a single number"),
]  # yapf: disable


@each_protocol
@pytest.mark.parametrize("changes,message", CHOICES)
def test_an_invalid_choice_is_refused(changes, message, protocol, asked, server):
    with pytest.raises(EndpointError, match=message):
        asked(server, protocol, **changes).signature()


@each_way
def test_an_answer_has_a_row_for_each_input(way, ask):
    with pytest.raises(EndpointError, match="3 inputs with 3 rows. Received: (1 rows|shape .1, )"):
        ask(way, signature="first").predict(X)


@each_way
def test_a_pinned_version_answers(way, ask):
    endpoint = ask(way, version=3)
    assert endpoint.version() == "3"
    outputs, version = endpoint.predict(X)
    assert version == "3"
    np.testing.assert_array_equal(outputs, X * np.float32(3))


@each_protocol
def test_a_pinned_version_must_exist(protocol, asked, server):
    with pytest.raises(EndpointError, match="Servable not found.*Specific.model, 7"):
        asked(server, protocol, version=7).version()


@each_protocol
def test_the_model_must_exist(protocol, asked, tmp_path):
    with ModelServer(tmp_path) as server:
        endpoint = asked(server, protocol)
        with pytest.raises(EndpointError, match="Servable not found"):
            endpoint.signature()
        with pytest.raises(EndpointError, match="Servable not found|Could not find any versions"):
            endpoint.version()


@each_protocol
def test_a_version_that_does_not_load_is_not_available(protocol, asked, tmp_path, versions):
    shutil.copytree(versions / "3", tmp_path / "3")
    (tmp_path / "4").mkdir()
    with ModelServer(tmp_path) as server:
        assert asked(server, protocol).version() == "3"
        with pytest.raises(EndpointError,
                           match="an available version. Received: .*/4 with .* 4 END"):
            asked(server, protocol, version=4).version()


@each_protocol
def test_a_new_version_shows_in_the_answer(protocol, asked, tmp_path, versions):
    """Unless a version is pinned."""
    shutil.copytree(versions / "3", tmp_path / "3")
    with ModelServer(tmp_path) as server:
        latest, pinned = asked(server, protocol), asked(server, protocol, version=3)
        assert version_of(latest) == version_of(pinned) == "3"
        shutil.copytree(versions / "12", tmp_path / "12")
        server.poll()
        assert version_of(latest) == "12"
        assert version_of(pinned) == "3"


REFUSALS = {400: EndpointError, 401: EndpointError, 403: EndpointError, 404: EndpointError,
            429: RefusedError, 500: EndpointError, 503: RefusedError,
            504: InDoubtError}  # yapf: disable


@each_protocol
@pytest.mark.parametrize("status", REFUSALS)
def test_a_status_decides_whether_a_batch_may_be_sent_again(status, protocol, asked, server, fails):
    """The batch is sent once, and the message is the server's."""
    endpoint = asked(server, protocol)
    fails(Fault(status=status))
    before = server.requests
    with pytest.raises(REFUSALS[status], match=f"Refused with status {status}"):
        endpoint.predict(X)
    assert server.requests == before + 1


@each_protocol
@pytest.mark.parametrize("cut", ["reset", "truncate"])
def test_an_incomplete_answer_leaves_the_batch_in_doubt(cut, protocol, asked, server, fails):
    endpoint = asked(server, protocol)
    fails(Fault(cut=cut))
    with pytest.raises(InDoubtError):
        endpoint.predict(X)


@each_protocol
@pytest.mark.parametrize("fate", ["reset", "truncate", "silence"])
def test_a_connection_that_ends_leaves_the_batch_in_doubt(fate, protocol, asked, versions):
    """The model had run. A later batch is answered once the end was noticed.

    gRPC may send some more into the connection that is gone, and leave them in doubt as well.
    """
    is_over = []
    with ModelServer(versions) as server:
        target = server.rest_url.split("/")[2] if protocol == "rest" else server.grpc_address
        with Relay(target, lambda: fate if server.rows and not is_over else None) as relay:
            endpoint = asked(through(relay, protocol), timeout_s=1 if fate == "silence" else 20)
            endpoint.signature(), endpoint.version()
            with pytest.raises(InDoubtError):
                endpoint.predict(X)
            assert server.rows == len(X)
            is_over.append(True)
            for _ in range(3 if protocol == "grpc" else 0):
                with contextlib.suppress(InDoubtError):
                    endpoint.predict(X)
                    break
            assert version_of(endpoint) == "12"
            endpoint.close()


@each_protocol
def test_a_batch_that_was_never_sent_counts_as_refused(protocol, asked, versions):
    """At first contact there is no retry."""
    with ModelServer(versions) as server:
        endpoint = asked(server, protocol)
        assert version_of(endpoint) == "12"
        never_asked = asked(server, protocol, retry=RetryPolicy(8, 60, 60))
    with pytest.raises(EndpointError, match="`address` must be an address that can be reached"):
        never_asked.signature()
    with pytest.raises(EndpointError, match="`address` must be an address that can be reached"):
        never_asked.version()
    with pytest.raises((NotReachedError, InDoubtError)):  # In doubt where it was still connected.
        endpoint.predict(X)
    with pytest.raises(NotReachedError):
        endpoint.predict(X)


@each_protocol
def test_an_answer_must_come_in_time(protocol, asked, server, fails):
    asking = asked(server, protocol, timeout_s=0.5)
    asking.signature(), asking.version()
    fails(Fault(delay_s=1))
    with pytest.raises(InDoubtError):
        asking.predict(X)


@each_protocol
def test_tls(protocol, asked, server, certificate):
    """A certificate is trusted only if it is given."""
    target = server.rest_url.split("/")[2] if protocol == "rest" else server.grpc_address
    with Relay(target, tls=server_context(*certificate)) as relay:
        address = through(relay, protocol).replace("://", "s://")
        trusting = asked(address, ca_file=certificate[0])
        np.testing.assert_array_equal(trusting.predict(X)[0], X * np.float32(12))
        trusting.close()
        wary = asked(address)
        with pytest.raises(EndpointError, match="`ca_file`.* must trust"):
            wary.signature()
        wary.close()


@each_protocol
def test_secrets_must_be_ascii(protocol, asked, server, monkeypatch):
    monkeypatch.setenv("TOKEN", "g\u00e9heim")
    with pytest.raises(EndpointError,
                       match="Authorization must be ASCII. Received: something") as e:
        asked(server, protocol, token=Secret("env:TOKEN"))
    assert "heim" not in str(e.value)


@pytest.mark.skipif(not HAS_GRPC, reason="tensorflow-serving-api is not installed")
def test_grpc_sends_secrets_as_metadata_and_shows_none(asked, monkeypatch, tmp_path):
    received = []

    class Gatekeeper(grpc.GenericRpcHandler):

        def service(self, details):
            received.append(dict(details.invocation_metadata))
            return grpc.unary_unary_rpc_method_handler(lambda request, context: context.abort(
                grpc.StatusCode.UNAUTHENTICATED, str(received[-1])))

    monkeypatch.setenv("TOKEN", "s3cr&t")
    (tmp_path / "key").write_text("k-e-y")
    server = grpc.server(futures.ThreadPoolExecutor(1), [Gatekeeper()])
    address = f"grpc://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}/model"
    server.start()
    endpoint = asked(address,
                     token=Secret("env:TOKEN"),
                     headers={"X-Key": Secret(f"file:{tmp_path}/key")})
    for ask in (endpoint.signature, endpoint.version):
        with pytest.raises(EndpointError, match=r"UNAUTHENTICATED.*\*\*\*") as error:
            ask()
        assert not any(secret in str(error.value) for secret in ("s3cr", "k-e-y"))
    server.stop(None).wait()
    assert len(received) >= 2
    for metadata in received:
        assert metadata["authorization"] == "Bearer s3cr&t" and metadata["x-key"] == "k-e-y"
