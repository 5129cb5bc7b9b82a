"""The versions that a result depends on."""
from models.versions import versions


def test_versions():
    assert set(versions()) == {"python", "tensorflow", "keras", "numpy", "revsig_keras"}
    assert all(isinstance(version, str) for version in versions().values())
