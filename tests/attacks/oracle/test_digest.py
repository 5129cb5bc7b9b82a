"""Rows are told apart by their exact content, and not by where they lie in memory."""
import numpy as np

from attacks.oracle.digest import digest


def test_a_digest_tells_inputs_apart():
    """By dtype, shape and values; not by how they lie in memory."""
    row = np.arange(12, dtype=np.float32).reshape(3, 4)
    others = [row.T.copy(), row.ravel(), row.astype(np.float64), row.view(np.int32), row + 1, -row]
    assert len({digest(each) for each in [row, *others]}) == 1 + len(others)
    assert digest(np.asfortranarray(row)) == digest(row) == digest(np.repeat(row, 2, 0)[::2])
    assert digest(np.float32(-0.0).reshape(())) != digest(np.float32(0.0).reshape(()))
    assert len(digest(row)) == 16
