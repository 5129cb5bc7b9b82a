"""What an interval covers, in words."""
import pytest

from attacks.report.statistics.per_row import PerRow
from attacks.report.statistics.replicates import estimate_level
from attacks.report.verdict.coverage import coverage
from tests.attacks.report.made_up import per_row
from tests.attacks.report.made_up import row


def rows_of(splits=1, victims=1, seeds=1, seed=0):
    """One thief's rows; each split has its own victims, and all have the same seeds."""
    return [
        row("rs",
            "labels",
            100,
            seed + thief,
            0.5 + (split + victim + thief) / 100,
            split_seed=split,
            victim_fingerprint=f"{split}-{victim}")
        for split in range(splits)
        for victim in range(victims)
        for thief in range(seeds)
    ]


@pytest.mark.parametrize("counts, words", [
    ({}, "over 400 held-out rows, of this victim; it leaves out how much victims and seeds vary"),
    ({"victims": 4}, "over 4 victims and 400 held-out rows, of these victims; it leaves out how "
     "much seeds vary; seeds and rows are taken as independent, because these results do not tell "
     "single rows"),
    ({"victims": 5, "seeds": 2}, "over 5 victims, 2 seeds and 400 held-out rows; seeds and rows "
     "are taken as independent, because these results do not tell single rows"),
    ({"splits": 2}, "over 2 splits, 2 victims and 400 held-out rows, of these victims"),
    ({"splits": 5}, "over 5 splits, 5 victims and 400 held-out rows"),
])  # yapf: disable
def test_it_says_what_is_covered_and_of_how_few_victims(counts, words):
    assert coverage(estimate_level(rows_of(**counts), PerRow())) == words


@pytest.mark.parametrize("seeds, leaves_out", [(1, ("victims", "seeds")), (2, ("victims",))])
def test_single_rows_are_covered_where_they_are_known(seeds, leaves_out):
    rows = rows_of(seeds=seeds)
    sample = estimate_level(rows, per_row(rows, [[True, False, True]] * seeds))
    assert sample.leaves_out == leaves_out and sample.is_by_row
    assert "independent" not in coverage(sample)
    known = per_row(rows, [[True, False, True]] * seeds, groups=[4, 9, 4])
    assert "400 held-out rows in 2 groups, of this victim" in coverage(estimate_level(rows, known))


def test_equal_seeds_on_other_splits_draw_other_queries():
    """Each split has a pool of its own, so the seeds vary with it."""
    assert estimate_level(rows_of(splits=3, seed=7), PerRow()).leaves_out == ()
