"""Seeds for different purposes are independent."""
import numpy as np

from models import architectures
from models.seeds import derive


def test_each_purpose_and_seed_has_its_own():
    """The same one every time."""
    seeds = [
        derive(seed, purpose) for seed in range(20) for purpose in ("victim", "clone", "split")
    ]
    assert len(set(seeds)) == 60
    assert seeds[0] == derive(0, "victim") >= 0


def test_a_victim_and_a_clone_of_one_seed_start_from_different_weights():
    """Otherwise a thief who knows the architecture would start where the victim did."""
    victim, clone = (
        architectures.build("mlp", (4,), 3, derive(0, purpose)) for purpose in ("victim", "clone"))
    for ours, theirs in zip(victim.get_weights(), clone.get_weights()):
        if ours.any():  # Biases start at 0.
            assert abs(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]) < 0.3
