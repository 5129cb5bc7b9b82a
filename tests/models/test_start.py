"""How the package imports TensorFlow."""
import gc

import pytest

import models


def test_the_collector_is_on_and_leaves_alone_what_came_with_tensorflow():
    """Most of 600,000 objects."""
    assert gc.isenabled() and gc.get_freeze_count() > 300_000


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_it_was_also_after_an_error(monkeypatch, enabled):
    monkeypatch.setattr(gc, "freeze", lambda: None)
    if not enabled:
        gc.disable()
    try:
        with pytest.raises(KeyError), models._uncollected():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
