"""A model to be loaded and served."""
import pytest

from tests.serving import served_model


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """The folder of a model with the versions 3 and 12, of which 12 is the latest."""
    base_path = tmp_path_factory.mktemp("served") / served_model.NAME
    for version in (3, 12):
        served_model.build(base_path / str(version), version)
    return base_path
