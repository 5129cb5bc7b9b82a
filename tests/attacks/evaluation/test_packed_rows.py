"""Bits of rows survive as text."""
import numpy as np
import pytest

from attacks.evaluation.packed_rows import pack
from attacks.evaluation.packed_rows import pack_groups
from attacks.evaluation.packed_rows import unpack
from attacks.evaluation.packed_rows import unpack_groups


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


def test_groups_are_numbered_from_0_up():
    assert unpack_groups(pack_groups(np.int64([7, -1, 7, 2**40])), 4).tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("text", ["", "/4A", None, "/4A=", pack_groups(np.arange(3))])
def test_a_text_of_other_groups_is_refused(text):
    with pytest.raises(ValueError, match="^`text` must "):
        unpack_groups(text, 2)
