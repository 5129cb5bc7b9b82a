"""A model, and the server to test with it."""
import pytest

from tests.serving import served_model
from tests.serving.server import ModelServer


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """The folder of a model with the versions 3 and 12, of which 12 is the latest."""
    base_path = tmp_path_factory.mktemp("served") / served_model.NAME
    for version in (3, 12):
        served_model.build(base_path / str(version), version)
    return base_path


@pytest.fixture(scope="module", params=[pytest.param(ModelServer, id="in_process")])
def server(request, versions):
    """Serves them."""
    with request.param(versions) as running:
        yield running
