"""Independent random streams from one seed."""
import zlib

import numpy as np


def derive(seed: int, purpose: str) -> int:
    """A seed for one purpose: those of different purposes have nothing in common.

    Without it, a victim and a clone that are given the same seed would start from the same weights.

    Args:
        seed: an integer of at least 0.
        purpose: a few words.

    Returns:
        An integer of at least 0.
    """
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)
