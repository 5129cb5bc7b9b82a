"""Bits of rows survive as text."""
import numpy as np
import pytest

from attacks.evaluation.packed_rows import pack
from attacks.evaluation.packed_rows import unpack


@pytest.mark.parametrize("count", [1, 7, 8, 9, 10000])
def test_what_is_packed_is_unpacked(count):
    bits = np.random.default_rng(count).random(count) < 0.7
    text = pack(bits)
    assert np.array_equal(unpack(text, count), bits) and unpack(text, count).dtype == bool
    assert len(text) <= count / 6 + 4


@pytest.mark.parametrize("text, count", [("/4A=", 8), ("/4A=", 17), ("/4A", 9), ("\n", 0)])
def test_a_text_of_other_rows_is_refused(text, count):
    with pytest.raises(ValueError, match="^`text` must "):
        unpack(text, count)
