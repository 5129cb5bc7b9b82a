"""Independent random streams from one seed."""
import zlib

import numpy as np


def derive(seed: int, purpose: str) -> int:
    """Derives an independent seed for each purpose from one seed.

    Without it, a victim and a clone of the same seed would start from the same weights.

    Args:
        seed: An integer of at least 0.
        purpose: A few words.

    Returns:
        An integer of at least 0.
    """
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)
