"""The Copycat attack: which images of another domain are queried, and how often."""
import numpy as np
import pytest

from attacks.grid.registries import ATTACKS
from attacks.queries.copycat import Copycat
from attacks.queries.pools import Pools
from tests.attacks import thieves
from tests.attacks.programs import call
from tests.attacks.programs import summary

POOLS = Pools(thieves.POOL, (0.0, 1.0))


def steal(budget, seed=0, **options):
    return thieves.steal(Copycat(**options), budget, seed=seed, pools=POOLS)


@pytest.mark.parametrize("pool", ["photos", "digits"])
@pytest.mark.parametrize("budget", [1, 2, 17, 100])
def test_the_budget_is_spent_on_the_pool_and_no_row_is_queried_twice(pool, budget):
    thief, oracle = steal(budget, pool=pool)
    assert oracle.queries_used == budget and thief.rows_per_round == [budget]
    everything = POOLS.foreign(pool).inputs.reshape(-1, 64).tolist()
    asked = [everything.index(row) for row in thief.inputs.reshape(-1, 64).tolist()]
    assert len(set(asked)) == budget


def test_queries_are_nested_and_drawn_once_per_seed():
    large = steal(100)[0].inputs
    np.testing.assert_array_equal(large[:17], steal(17)[0].inputs)
    np.testing.assert_array_equal(large, steal(100)[0].inputs)
    assert not np.array_equal(large, steal(100, seed=1)[0].inputs)


def test_impossible_attacks_are_refused_before_the_run():
    attack, rows = Copycat(), len(POOLS.foreign("photos").inputs)
    attack.check(rows, POOLS)
    with pytest.raises(ValueError, match=f"at most the {rows} rows.*Received: {rows + 1}"):
        attack.check(rows + 1, POOLS)
    with pytest.raises(ValueError, match="no images.*Received: photos for inputs of shape"):
        attack.check(1, Pools(np.zeros((60, 20), np.float32), (0.0, 1.0)))
    with pytest.raises(ValueError, match="Unknown option 'domain'.*takes: pool"):
        ATTACKS.make("copycat:domain=photos")


@pytest.mark.slow
def test_a_run_of_the_program(tmp_path):
    """Copycat and Knockoff on the digits; the digits themselves are refused as a pool."""
    small = ("--victim_architecture=mlp", "--victim_steps=150", "--clone_architecture=mlp",
             "--steps=40", "--budgets=20", "--seeds=3")
    refused = call(*small, "--attacks=copycat:pool=digits", f"--output_dir={tmp_path / 'no'}")
    assert "another data set than the victim's" in refused
    assert not (tmp_path / "no").exists()
    assert call(*small, "--attacks=copycat,knockoff", f"--output_dir={tmp_path / 'yes'}") == 0
    rows = summary(tmp_path / "yes")
    assert [row["attack"] for row in rows] == ["copycat", "copycat", "knockoff", "knockoff"] * 2
    assert {row["queries_used"] for row in rows} == {"20"}
