"""From a claim to its verdict: runs are done, missing results decide nothing."""
import dataclasses
import json
import pathlib
import shutil

import pytest

from attacks import reproduce
from attacks.claims.catalogue import CLAIMS
from attacks.claims.claim_05_intact import CLAIM
from attacks.claims.criterion.claim import Trial
from attacks.claims.criterion.finding import exactly
from attacks.claims.criterion.finding import EXIT_STATUS
from attacks.claims.criterion.finding import PARTLY
from attacks.claims.criterion.finding import UNDECIDED
from attacks.claims.criterion.grid import Grid
from attacks.claims.outcome.assessment import assess
from attacks.claims.outcome.assessment import assess_all
from attacks.claims.outcome.assessment import evidence
from attacks.claims.outcome.document import claim_text
from attacks.claims.outcome.document import document
from attacks.claims.outcome.document import listing
from attacks.claims.outcome.document import SUMMARY_BEGINS
from attacks.claims.outcome.document import SUMMARY_ENDS
from attacks.claims.outcome.document import with_summary
from attacks.claims.outcome.figures import figures_of
from attacks.claims.outcome.figures import refresh_figures
from attacks.results.archive import read_archive
from attacks.results.digest import sealed
from attacks.results.digest import unsealed

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """A directory with the quick trial that the repository shows, a file for each cell."""
    base = tmp_path_factory.mktemp("paper")
    cells = base / "quick_intact" / "cells"
    cells.mkdir(parents=True)
    for _, data in read_archive(ROOT / "results" / "paper" / "quick_intact"):
        (cells / f"{json.loads(data)['id']}.json").write_bytes(data)
    return base


@pytest.mark.slow
def test_a_reproduced_claim_ends_with_status_0(tmp_path):
    with pytest.raises(SystemExit) as stop:
        reproduce.main(CLAIM.number, True, str(tmp_path), [])
    assert stop.value.code == 0
    assert assess(CLAIM.quick, tmp_path).verdict == "reproduced"
    files = {path.name for path in (tmp_path / "quick_intact").iterdir()}
    assert files >= {"run.flags", "summary.csv"}


@pytest.mark.parametrize("quick, status", [(True, 0), (False, 3)])
def test_the_verdict_gives_the_status(tried, quick, status, monkeypatch, capsys):
    """Here without the runs themselves."""
    monkeypatch.setattr(reproduce, "reproduce", lambda trial, base, *_: assess(trial, base))
    with pytest.raises(SystemExit) as stop:
        reproduce.main(CLAIM.number, quick, str(tried), [])
    assert stop.value.code == status
    assert ("reproduced" if quick else UNDECIDED) in capsys.readouterr().out


def test_missing_results_decide_nothing_and_are_named(tried, tmp_path):
    shutil.copytree(tried / "quick_intact" / "cells", tmp_path / "quick_intact" / "cells")
    gone = sorted((tmp_path / "quick_intact" / "cells").glob("*.json"))[0]
    seed = json.loads(gone.read_text())["cell"]["seed"]
    gone.unlink()
    assessment = assess(CLAIM.quick, tmp_path)
    assert assessment.verdict == UNDECIDED and not assessment.findings
    assert "quick_intact: 1 of 12 cells are missing: none" in assessment.missing()
    assert f"seed {seed}." in assessment.missing()
    assert assessment.missing() in claim_text(CLAIM, CLAIM.quick, assessment)


def test_results_of_other_cells_are_left_out(tried, tmp_path):
    cells = tmp_path / "quick_intact" / "cells"
    shutil.copytree(tried / "quick_intact" / "cells", cells)
    record = unsealed(json.loads(sorted(cells.glob("*.json"))[0].read_text()))
    (cells / "other.json").write_text(json.dumps(sealed({**record, "id": "other"})))
    grids = assess(CLAIM.quick, tmp_path).grids
    assert len(grids["quick_intact"].rows) == 12 and not grids["quick_intact"].missing


def test_without_results_all_cells_are_missing(tmp_path):
    assessment = assess(CLAIM.trial, tmp_path)
    assert assessment.verdict == UNDECIDED
    assert assessment.missing() == "- Not run yet: mnist_intact (72 cells)."


def test_complete_runs_are_judged_while_others_are_missing(tried):
    """They decide nothing."""
    trial = dataclasses.replace(CLAIM.quick, grids=(*CLAIM.quick.grids, Grid("quick_noise", 1)))
    assessment = assess(trial, tried)
    assert assessment.verdict == UNDECIDED
    assert assessment.findings == assess(CLAIM.quick, tried).findings
    assert "Not run yet: quick_noise (33 cells)." in claim_text(CLAIM, trial, assessment)


@pytest.mark.parametrize("limits, by_run, verdict", [
    ((0, 9), True, PARTLY),
    ((0, 9), False, UNDECIDED),
    ((0, 0), True, UNDECIDED),
    ((9, 9), True, UNDECIDED),
])
def test_what_runs_to_come_cannot_change_is_decided(tried, limits, by_run, verdict):
    """Some conditions hold and some fail, and each is of a complete run alone."""
    grids = (*CLAIM.quick.grids, Grid("quick_noise", 1))
    trial = Trial(grids, "", lambda complete: [exactly("a", 0, limit) for limit in limits], by_run)
    assert assess(trial, tried).verdict == verdict


@pytest.mark.parametrize("number", [number for number in CLAIMS if CLAIMS[number].trial.by_run])
def test_each_condition_is_of_one_run_alone(number):
    """So the findings of several runs that decide are those of each."""
    claim = CLAIMS[number]
    known = evidence(claim.quick.grids[0], ROOT / "results" / "paper")
    runs = {grid.name: known for grid in claim.trial.grids}
    each = [runs, *({name: known} for name in runs)]
    together, *parts = (
        [finding for finding in claim.trial.judge(run) if finding.condition] for run in each)
    alone = [finding for part in parts for finding in part]
    assert together and sorted(map(repr, together)) == sorted(map(repr, alone))


def test_the_summary_names_what_speaks_against_a_claim(tried):
    """Though other findings come first."""
    findings = [exactly("held", 0, 0), exactly("failed", 0, 9), exactly("failed too", 0, 9)]
    claim = dataclasses.replace(CLAIM, trial=Trial(CLAIM.quick.grids, "", lambda _: findings))
    page = with_summary(f"{SUMMARY_BEGINS}{SUMMARY_ENDS}", {5: claim},
                        {5: assess(claim.trial, tried)})
    assert "| failed: 0 (1 of 3 conditions hold, 2 fail) | partly |" in page


@pytest.mark.parametrize("more", [(), (Grid("quick_noise", 60),)])
def test_the_summary_names_the_runs_that_are_not_complete(tried, more):
    claim = dataclasses.replace(CLAIM, trial=dataclasses.replace(
        CLAIM.quick, grids=(*CLAIM.quick.grids, *more)))  # yapf: disable
    page = with_summary(f"{SUMMARY_BEGINS}{SUMMARY_ENDS}", {5: claim},
                        {5: assess(claim.trial, tried)})
    assert ("Not complete ([why](RESULTS.md#what-the-runs-cost)): quick_noise."
            in page) == bool(more)


@pytest.mark.parametrize("hours, told", [
    (16, "It is enough for these: mnist_map (0.37 planned)."),
    (0.2, "The rest is too little for these runs, so that what only they would decide stays "
          "undecided: mnist_map (0.37 planned)."),
])  # yapf: disable
def test_the_costs_tell_which_runs_the_hours_do_not_suffice_for(hours, told, tmp_path, monkeypatch):
    """By what was planned for them."""
    monkeypatch.setattr("attacks.claims.outcome.document.BUDGET", hours)
    claims = {number: CLAIMS[number] for number in (12, 13)}
    assessments = {number: assess(claim.trial, tmp_path) for number, claim in claims.items()}
    text = document(claims, [13], assessments, tmp_path / "results" / "paper")
    assert f"Of {hours} hours of two cores, set aside for all runs, 0.00 are spent. {told}" in text


def test_a_figure_is_drawn_again_only_where_results_differ(tried, tmp_path):
    assessment = assess(CLAIM.quick, tried)
    figure, = figures_of(CLAIM, assessment, tmp_path)
    assert figure.path == tmp_path / "claim_05.png" and not figure.is_fresh()
    figure.refresh()
    assert figure.is_fresh()
    before = figure.path.stat().st_mtime_ns
    figure.refresh()
    assert figure.path.stat().st_mtime_ns == before
    fewer = dataclasses.replace(assessment, findings=assessment.findings[1:])
    other, = figures_of(CLAIM, fewer, tmp_path)
    assert other.path == figure.path and not other.is_fresh()


def test_the_figure_is_of_the_quick_trial_while_no_run_is_complete(tried, tmp_path):
    claims, assessments = {5: CLAIM}, assess_all({5: CLAIM}, tried)
    assert assessments[5].quick.findings == assess(CLAIM.quick, tried).findings
    shutil.copytree(tried, tmp_path / "paper")
    (tmp_path / "paper" / "claim_07.png").write_bytes(b"of no use")
    refresh_figures(claims, assessments, tmp_path / "paper")
    assert [path.name for path in (tmp_path / "paper").glob("claim*")] == ["claim_05.png"]
    text = document({
        **CLAIMS,
        **claims
    }, [5], {
        **assess_all(CLAIMS, tmp_path),
        **assessments
    }, tmp_path / "results" / "paper")
    assert "**Quick trial: reproduced.**" in text and "results/paper/claim_05.png" in text


@pytest.mark.parametrize("claim", [None, 0, 99])
def test_an_unknown_claim_is_refused(claim):
    with pytest.raises(ValueError, match="`claim` must be one of .*, 5.*Received: "):
        reproduce.main(claim, False, str(pathlib.Path()), [])


def test_the_list_names_all_claims():
    assert len(listing(CLAIMS.values()).splitlines()) == len(CLAIMS)


@pytest.mark.slow
@pytest.mark.parametrize("number", CLAIMS)
def test_every_quick_trial_comes_to_a_verdict(number, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        reproduce.main(number, True, str(tmp_path), [])
    assert stop.value.code in EXIT_STATUS.values()
    assert "missing" not in capsys.readouterr().out
