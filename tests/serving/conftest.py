"""Servers to test: the one of these tests and, where it is installed, the real one."""
import shutil

import pytest

from tests.serving import served_model
from tests.serving.real_server import BINARY
from tests.serving.real_server import RealModelServer
from tests.serving.server import ModelServer

real = pytest.param(RealModelServer,
                    id="real",
                    marks=pytest.mark.skipif(shutil.which(BINARY) is None,
                                             reason=f"{BINARY} is not on PATH"))


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """The folder of a model with the versions 3 and 12, of which 12 is the latest."""
    base_path = tmp_path_factory.mktemp("served") / served_model.NAME
    for version in (3, 12):
        served_model.build(base_path / str(version), version)
    return base_path


@pytest.fixture(scope="module", params=[pytest.param(ModelServer, id="in_process"), real])
def server(request, versions):
    """Serves them."""
    with request.param(versions) as running:
        yield running
