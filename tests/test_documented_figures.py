"""The figures in README and documentation are those of the results in the repository."""
import collections
import csv
import functools
import math
import re
import sys

import pytest

from attacks.claims.claim_08_demonstration import CLAIM as CLAIM_08
from attacks.claims.claim_09_cifar10 import CLAIM as CLAIM_09
from attacks.claims.claim_14_frontier import CLAIM as CLAIM_14
from attacks.claims.outcome.assessment import evidence
from attacks.report import Results
from attacks.report.leak.bounded_leak import MARGIN
from attacks.report.rows.summary import summary_rows
from attacks.report.verdict.verdict import Evidence
from attacks.results.records import read_cells
import revsig_keras
from tests.documents import DOCUMENTS
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "results.md").read_text()
ALL = "\n".join(document.read_text() for document in DOCUMENTS)
TEXT = " ".join(ALL.split())
DEFENCE = "reverse_sigmoid:beta=1:gamma=.2"
AUGMENTED = "sample:augment=after"


@functools.cache
def table_of(directory, name):
    with open(ROOT / "results" / directory / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def cells(directory, **wanted):
    """The rows of a summary with these values."""
    found = [
        row for row in table_of(directory, "summary")
        if all(row[name] == str(value) for name, value in wanted.items())
    ]
    assert found, wanted
    return found


def agreement(directory, **wanted):
    """The mean agreement, as the documents write it."""
    figures = [float(row["agreement_clean"]) for row in cells(directory, **wanted)]
    return written(sum(figures) / len(figures))


def written(figure, signed=False, decimals=3):
    return f"{figure:{'+' * signed}.{decimals}f}".replace("0.", ".", 1)


def lines_of(heading, first, page=PAGE, place=0):
    """The lines of a table below a heading whose first column is called like this."""
    section = page.split(f"{heading}\n")[1].split("\n## ")[0]
    table = section.split(f"\n| {first} |")[1 + place].split("\n\n")[0]
    return [[entry.strip(" *") for entry in line.strip("|").split("|")]
            for line in table.splitlines()[2:]]  # yapf: disable


def tables():
    """The published tables, by directory. Those of large grids are left to the slow tests."""
    for directory in sorted({path.parent for path in (ROOT / "results").rglob("*.csv")}):
        name = str(directory.relative_to(ROOT / "results"))
        is_large = name.startswith("frontier")
        yield pytest.param(name, marks=[pytest.mark.slow] * is_large)


@pytest.mark.parametrize("directory", list(tables()))
def test_published_tables_are_those_of_the_cells(directory, monkeypatch):
    """To rounding, and but for columns that are newer than a table."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    results = Results(ROOT / "results" / directory)
    make = {"summary": results.rows, "comparisons": results.comparison,
            "bounded_leak": results.bounded_leak, "frontier": results.frontier}  # yapf: disable
    for path in results.directory.glob("*.csv"):
        for row, made in zip(table_of(directory, path.stem), make[path.stem](), strict=True):
            for name, told in row.items():
                value = made[name]
                if isinstance(value, float):
                    assert float(told) == pytest.approx(value, rel=1e-9, abs=1e-12)
                else:
                    assert told == ("" if value is None else str(value))


def test_the_sample_experiment():
    lines = lines_of("# Results", "thief")
    assert len(lines) == 6
    for name, *figures in lines:
        adversary, victim, *rest = name.split(", ")
        told = {"adversary": adversary, "attack": AUGMENTED if rest else "sample"}
        defences = {"undefended": ["none"], "defended": [DEFENCE]}.get(victim, ["none", DEFENCE])
        for defence in defences:
            budgets = (50, 100, 200, 400, 800, 1600, 3200)
            assert figures == [
                agreement("mnist_sample", defence=defence, budget=budget, **told)
                for budget in budgets
            ]


def test_the_panel():
    lines = lines_of("## Who undoes it", "thief")
    names = {row["adversary"] for row in table_of("digits_panel", "summary")}
    assert {line[0].strip("`") for line in lines} == names
    for name, _, *figures in lines:
        assert figures == [
            agreement("digits_panel", adversary=name.strip("`"), defence=defence, budget=budget)
            for defence in ("none", DEFENCE)
            for budget in (50, 100, 400)
        ]


@pytest.mark.parametrize("place, directory, defence, seed", [
    (0, "mnist_sample", DEFENCE, 0),
    (1, "mnist_confident", DEFENCE, 0),
    (2, "mnist_literal", "reverse_sigmoid:beta=1.2:gamma=.2", 0),
    (3, "mnist_literal", "reverse_sigmoid:beta=1:gamma=.2:preserve_top1=false", 0),
    (4, "mnist_literal", "reverse_sigmoid:beta=1.2:gamma=.2:preserve_top1=false", 0),
    (5, "mnist_length", DEFENCE, 0),
])
def test_what_it_depends_on(place, directory, defence, seed):
    _, *figures, lost = lines_of("## What it depends on", "change")[place]
    told = {"attack": "sample", "seed": seed}
    for text, victim, adversary in zip(figures, ("none", defence, defence),
                                       ("probabilities", "probabilities", "labels")):
        assert text.split() == [
            agreement(directory, defence=victim, adversary=adversary, budget=budget, **told)
            for budget in (200, 800)
        ]
    changed = cells(directory, defence=defence, adversary="labels", **told)[0]["label_changes_test"]
    assert lost.replace(",", "").split()[0] == changed


def difference(directory, signed=True, **wanted):
    """The difference and the ends of its interval, as losses unless it is signed."""
    row, = (row for row in table_of(directory, "comparisons")
            if all(row[name] == str(value) for name, value in wanted.items()))
    ends = [float(row[name])
            for name in ("difference", "difference_low_95", "difference_high_95")]  # yapf: disable
    if signed:
        return [written(end, signed=True) for end in ends]
    mean, low, high = (written(-end) for end in ends)
    return mean, high, low


def test_the_intervals_of_the_panel():
    naive = [difference("digits_panel", False, kind="naive", budget=budget)
             for budget in (50, 100, 400)]  # yapf: disable
    (a, *b), (c, *d), (e, *f) = naive
    assert (f"it loses {a} at 50 queries (95% interval {b[0]} to {b[1]}), {c} at 100 "
            f"({d[0]} to {d[1]}) and {e} at 400 ({f[0]} to {f[1]})") in TEXT
    strongest = [difference("digits_panel", kind="strongest", budget=budget)
                 for budget in (50, 100, 400)]  # yapf: disable
    (a, *b), (c, *d), (e, *f) = strongest
    assert (f"changes by {a} at 50 queries ({b[0]} to {b[1]}), {c} at 100 ({d[0]} to {d[1]}) and "
            f"{e} at 400 ({f[0]} to {f[1]})") in TEXT
    for row in table_of("digits_panel", "comparisons"):
        includes_0 = float(row["difference_low_all_95"]) < 0 < float(row["difference_high_all_95"])
        assert includes_0 == (row["kind"] == "strongest") and row["comparisons"] == "6"


def test_the_intervals_of_the_sample_experiment():
    told = {"attack": AUGMENTED, "budget": 400}
    mean, low, high = difference("mnist_sample", False, kind="naive", **told)
    assert f"loses {mean} at 400 queries (95% interval {low} to {high})" in TEXT
    mean, low, high = difference("mnist_sample", False, kind="strongest", **told)
    assert f"and the strongest thief {mean} ({low} to {high})" in TEXT


def test_the_data_free_attack():
    budget, found = {"budget": 20000}, []
    for attacks in (("data_free", "data_free:gradient=clone"), ("random",)):
        for adversary, defence in (("probabilities", "none"), ("labels", "none"), ("labels",
                                                                                   DEFENCE)):
            figures = [agreement("data_free_digits", attack=attack, adversary=adversary,
                                 defence=defence, **budget)
                       for attack in attacks
                       if not (attack == "data_free" and adversary == "labels")]  # yapf: disable
            found.append(written(max(map(float, figures)), decimals=2))
    assert found[1] == found[2] and found[4] == found[5]
    assert (
        f"an agreement of {found[0]} with an undefended victim, and of {found[1]} with labels, "
        f"defended or not (mean of two seeds; uniform noise: {found[3]} and {found[4]})") in TEXT


def test_the_data_free_attack_on_mnist():
    clone, zeroth_order = "data_free:width=16:gradient=clone", "data_free:width=16"

    def curve(defence, adversary, attack=clone):
        return [agreement("data_free_mnist", defence=defence, adversary=adversary, attack=attack,
                          budget=budget) for budget in (10000, 30000, 100000)]  # yapf: disable

    assert "{}, {} and {} with an undefended victim".format(*curve("none", "probabilities")) in TEXT
    assert "{}, {} and {} with a defended one".format(*curve(DEFENCE, "probabilities")) in TEXT
    assert curve(DEFENCE, "labels") == curve("none", "labels")
    assert "{}, {} and {} with labels, defended or not".format(*curve("none", "labels")) in TEXT
    best = (max(curve("none", "probabilities", attack)) for attack in (zeroth_order, "random"))
    assert "gradients reach {} undefended, uniform noise {}".format(*best) in TEXT


@pytest.mark.parametrize("gradient", ["data_free", "data_free:gradient=clone"])
@pytest.mark.parametrize("budget", [5000, 20000])
def test_the_published_rate_of_the_generator_is_best_on_validation_rows(gradient, budget):
    means = []
    for rate in ("", ":generator_rate=.0003", ":generator_rate=.001"):
        found = cells("data_free_rates", attack=gradient + rate, budget=budget)
        assert sorted(row["seed"] for row in found) == ["2", "3"]
        means.append(sum(float(row["agreement_validation"]) for row in found))
    assert means[0] == max(means)


def test_how_far_rounding_moves_clones():
    """The root mean square over seeds of what another kernel, or another seed, changes."""
    line = re.search(r"^  \| MNIST, 1,600 queries \|(.*)\|(.*)\|$", ALL, re.MULTILINE)
    for text, defence in zip(line.groups(), ("none", DEFENCE)):
        sides = [[float(row["agreement_clean"]) for row in
                  sorted(cells(f"rounding_{name}", defence=defence), key=lambda row: row["seed"])]
                 for name in ("onednn", "plain")]  # yapf: disable
        moved = [one - other for one, other in zip(*sides, strict=True)]
        of_kernels = math.sqrt(sum(each**2 for each in moved) / len(moved))
        assert text.split()[0] == written(of_kernels)


def interval(row, name, ends=("_low_95", "_high_95"), signed=True):
    return [written(float(row[f"{name}{suffix}"]), signed=signed) for suffix in ("", *ends)]


@pytest.mark.parametrize("directory, place", [("frontier_digits", 0),
                                              ("frontier_digits_strengths", 1),
                                              ("frontier_mnist", 2)])
def test_the_frontier(directory, place):
    rows = {(row["defence"], row["budget"]): row for row in table_of(directory, "frontier")}
    lines = lines_of("## What defences cost, and what they leave", "defence", place=place)
    assert len(lines) == len({defence for defence, _ in rows})
    for defence, *told in lines:
        thieves = [rows[defence.strip("`"), budget] for budget in ("50", "100")]
        expected = [thieves[0]["replicates"]]
        for row in thieves:
            mean, low, high = interval(row, "advantage")
            expected.append(f"{written(float(row['agreement']))}, {mean} ({low} to {high})")
        for name in ("l1", "auroc_lost", "ece_added"):
            decoded = thieves[0][f"{name}_decoded"]
            expected.append(
                written(float(thieves[0][name])) +
                (f" ({written(float(decoded))})" if decoded else ""))
        assert told == expected


def test_the_panel_of_the_frontier():
    """A row for each adversary. Entries are empty where the defence gives it nothing to recover."""
    found = collections.defaultdict(list)
    for row in table_of("frontier_digits_panel", "summary"):
        key = row["adversary"], row["defence"], row["budget"]
        found[key].append(float(row["agreement_clean"]))
    assert {len(figures) for figures in found.values()} == {5}
    mean = {key: written(sum(figures) / 5) for key, figures in found.items()}
    lines = lines_of("## What defences cost, and what they leave", "adversary")
    defences = ["none", "label_only", DEFENCE, "confidence_buckets:bits=3", "decoy:bits=3:decoys=2"]
    assert {line[0].strip("`") for line in lines} == {adversary for adversary, *_ in mean}
    for adversary, *told in lines:
        pairs = [[mean.get((adversary.strip("`"), defence, budget))
                  for budget in ("50", "100")]
                 for defence in defences]
        assert told == [", ".join(filter(None, pair)) for pair in pairs]
    other = ("labels", "labels:smoothing=.1", "semi_supervised", "independent", "posterior_mean")
    most = [
        max(mean[key]
            for key in mean
            if key[1:] == ("confidence_buckets:bits=3", budget) and key[0] not in other)
        for budget in ("50", "100")
    ]
    smoothed, alone = ([mean[adversary, "none", budget]
                        for budget in ("50", "100")]
                       for adversary in ("labels:smoothing=.1", "independent"))
    assert "reach {} and {}, and `labels:smoothing=.1` {} and {}".format(*most, *smoothed) in TEXT
    assert "so the task alone gives {} and {}".format(*alone) in TEXT


def test_the_claim_on_coded_defences():
    rows = {(row["family"].partition(":")[0], row["budget"]): row
            for row in table_of("frontier_digits", "bounded_leak")}  # yapf: disable
    assert {row["verdict"] for row in rows.values()} == {"undecided"}
    first, second = (
        interval(rows["decoy", budget], "worth", signed=False) for budget in ("50", "100"))
    assert (f"give {first[0]} over smoothed labels at 50 queries (one-sided 95% bounds {first[1]} "
            f"and {first[2]}), and {second[0]} at 100 ({second[1]} and {second[2]})") in TEXT
    told = [
        "{} by `{}` ({} and {})".format(gain, name, low, high)
        if budget == "50" else "{} ({} and {})".format(gain, low, high)
        for budget in ("50", "100")
        for name in ("confidence_buckets", "decoy")
        for gain, low, high in [interval(rows[name, budget], "gain", signed=False)]
    ]
    assert "is {} and {}, at 100 queries {} and {}".format(*told) in TEXT
    within = {key for key, row in rows.items() if float(row["worst_gain_high_95"]) <= 0.01}
    assert within == rows.keys() - {("confidence_buckets", "50")}
    gain, low, high = interval(rows["confidence_buckets", "50"], "gain", signed=False)
    assert f"and coded answers of three bits {gain} ({low} and {high}) or less" in TEXT
    lost, low, high = interval(rows["decoy", "50"], "auroc_lost", signed=False)
    added = written(-float(rows["decoy", "50"]["ece_added"]))
    assert f"cost {lost} of the AUROC of confidence ({low} and {high})" in TEXT
    assert f"They take {added} off the calibration error" in TEXT


def test_the_claim_on_coded_defences_on_mnist():
    rows = {(row["family"].partition(":")[0], row["budget"]): row
            for row in table_of("frontier_mnist", "bounded_leak")}  # yapf: disable
    verdicts = {"50": "undecided", "100": "labels are enough"}
    assert all(row["verdict"] == verdicts[budget] for (_, budget), row in rows.items())
    few, more = (interval(rows["decoy", budget], "worth", signed=False) for budget in verdicts)
    assert (f"are worth {few[0]} over smoothed labels at 50 queries** (one-sided 95% bounds "
            f"{few[1]} and {few[2]}), and {more[0]} at 100 ({more[1]} and {more[2]})") in TEXT
    buckets, decoy = (interval(rows[name, "50"], "gain", signed=False)
                      for name in ("confidence_buckets", "decoy"))  # yapf: disable
    assert (f"add {buckets[0]} by `confidence_buckets` ({buckets[1]} and {buckets[2]}) and "
            f"{decoy[0]} by `decoy` ({decoy[1]} and {decoy[2]})") in TEXT
    lost, low, high = interval(rows["confidence_buckets", "50"], "auroc_lost", signed=False)
    assert f"buckets cost {lost} of the AUROC of confidence ({low} and {high})" in TEXT
    for row in rows.values():
        assert max(float(row["auroc_lost_high_95"]), float(row["ece_added_high_95"])) <= 0.01
        assert float(row["worst_gain_high_95"]) > 0.01 or row["budget"] == "100"
    told = {"defence": DEFENCE, "adversary": "bayes", "budget": 50}
    bayes = agreement("frontier_mnist", **told)
    naive = [agreement("frontier_mnist", **told | {"adversary": "probabilities", **other})
             for other in ({}, {"budget": 100}, {"defence": "decoy:bits=3:decoys=2"},
                           {"defence": "decoy:bits=3:decoys=2", "budget": 100})]  # yapf: disable
    assert (
        f"(`bayes`) an agreement of {bayes} at 50 queries.** The naive thief has {naive[0]} and "
        f"{naive[1]} behind it, and {naive[2]} and {naive[3]} behind `decoy`") in TEXT
    kept = [f"{float(row[name]):.0%}" for row in table_of("frontier_mnist", "frontier")
            if row["budget"] == "50" and row["defence"].startswith(("confidence", "decoy"))
            for name in ("kept", "kept_low_95", "kept_high_95")]  # yapf: disable
    assert ("keeps {} behind `confidence_buckets` (95% interval {} to {}), {} behind `decoy` "
            "({} to {})").format(*kept) in TEXT  # yapf: disable


def _bounds(directory, name, defence="confidence_buckets:bits=3"):
    """A figure of a coded defence and its one-sided bounds."""
    row, = (row for row in table_of(f"paper/{directory}", "bounded_leak")
            if row["defence"] == defence)  # yapf: disable
    return interval(row, name, signed=False)


def test_the_claim_on_coded_defences_on_traffic_signs():
    both = ("gtsrb_frontier", "gtsrb_frontier_unsure")
    rows = [row for run in both for row in table_of(f"paper/{run}", "bounded_leak")]
    assert {row["verdict"] for row in rows} == {"labels are enough"}
    assert all(float(row["auroc_lost_low_95"]) > 0.01 for row in rows)
    told = "three bits take {} of the AUROC of confidence of a sure victim ({} and {}), more than "
    told += "the limit of .01, and {} ({} and {}) of one that was trained for 400 steps"
    assert told.format(*(figure for run in both for figure in _bounds(run, "auroc_lost"))) in TEXT


def test_the_claim_on_coded_defences_on_cifar10():
    sure, unsure = "cifar_frontier", "cifar_frontier_unsure"
    decoy = "decoy:bits=3:decoys=2"
    for run, verdict in ((sure, "undecided"), (unsure, "fails")):
        assert {row["verdict"] for row in table_of(f"paper/{run}", "bounded_leak")} == {verdict}
    told = "probabilities are worth {} over smoothed labels at 1,000 queries ({} and {}), and "
    told += "three bits {} by `confidence_buckets` ({} and {}), {} by `decoy` ({} and {})"
    figures = _bounds(sure, "worth") + _bounds(sure, "gain") + _bounds(sure, "gain", decoy)
    assert told.format(*figures) in TEXT
    told = "lose {} of the AUROC of confidence ({} and {})"
    assert told.format(*_bounds(sure, "auroc_lost")) in TEXT
    gain = _bounds(unsure, "gain")
    assert gain == _bounds(unsure, "gain", decoy)
    told = "probabilities are worth {} ({} and {}), and three bits nothing: {} ({} and {}). "
    told += "But users lose {} of the AUROC ({} and {}) by `confidence_buckets`, "
    told += "{} ({} and {}) by `decoy`"
    figures = _bounds(unsure, "worth") + gain
    brief = "unsure, {} ({} and {}) at 1,000 queries, and three bits {} ({} and {}), which cost "
    brief += "users {} of the AUROC of confidence ({} and {})"
    assert brief.format(*figures, *_bounds(unsure, "auroc_lost")) in TEXT
    figures += _bounds(unsure, "auroc_lost") + _bounds(unsure, "auroc_lost", decoy)
    assert told.format(*figures) in TEXT


def test_no_run_of_claim_14_shows_a_thief_who_gains_more_than_a_point():
    told = CLAIM_14.remarks
    assert "No run shows a thief who gains more than a point from three bits" in told
    for grid in CLAIM_14.trial.grids:
        rows = table_of(grid.directory(ROOT / "results/paper"), "bounded_leak")
        assert rows and all(float(row["worst_gain_low_95"]) <= MARGIN for row in rows)
    cost = {row["defence"][-1]: float(row["auroc_lost"])
            for run in ("frontier_digits", "frontier_digits_strengths")
            for row in table_of(run, "bounded_leak")
            if row["defence"].startswith("confidence_buckets")}  # yapf: disable
    assert cost["1"] > cost["2"] > cost["3"] > cost["4"] > cost["6"]


def test_what_momentum_changes_in_the_demonstration_with_sgd():
    known = [
        Evidence(summary_rows(read_cells(ROOT / "results" / name)))
        for name in ("mnist_demo_plain", "paper/mnist_demo_sgd")
    ]
    plain, usual = ([
        written(finding.measure.mean)
        for finding in CLAIM_08.trial.judge({"mnist_demo_sgd": run})
        if finding.condition and "probabilities" in finding.subject
    ]
                    for run in known)
    victim = written(known[0].rows[0]["victim_accuracy_clean"])
    assert (f"one replicate has {victim}, and its naive thief is {plain[0]} off without the "
            f"defence and {plain[1]} with it, where there was {usual[0]} and {usual[1]} "
            in CLAIM_08.remarks)  # yapf: disable


def test_what_thieves_lose_on_cifar_10():
    known = evidence(CLAIM_09.trial.grids[0], ROOT / "results" / "paper")

    def told(figure, place):
        text = figure.figure().replace("0.", ".")
        return text.replace(" (", f" at {place} (")

    found = {finding.subject: finding for finding in CLAIM_09.trial.judge({"cifar_curve": known})}
    naive, strongest = ([
        told(found[f"cifar_curve, {budget} queries: agreement lost by the {thief} thief, points"],
             place) for budget, place in (("1,000", "1,000 queries"), ("4,000", "4,000"),
                                          ("16,000", "16,000"))
    ] for thief in ("naive", "strongest"))  # yapf: disable
    labels = told(found["cifar_curve, 1,000 queries: agreement lost with labels alone, points"],
                  "1,000")
    assert f"{naive[0]} and {naive[1]}".replace("(", "(95% interval ", 1) in TEXT
    assert f"labels alone lose {labels}" in TEXT
    assert "The strongest one loses {}, {} and {}".format(*strongest) in TEXT
    assert (f"the Reverse Sigmoid takes {strongest[0]} off the strongest of four thieves, and "
            f"{strongest[1]}" in TEXT)
    assert strongest[0] == naive[0]  # It is the naive one.


def test_the_naive_thief_of_decoys():
    naive, labels = ({
        (defence, budget):
            agreement("frontier_digits", defence=defence, adversary=adversary, budget=budget)
        for defence in ("none", "decoy:bits=3:decoys=2", DEFENCE)
        for budget in (50, 100)
    }
                     for adversary in ("probabilities", "labels"))
    told = [naive[defence, budget] for defence in ("decoy:bits=3:decoys=2", DEFENCE)
            for budget in (50, 100)]  # yapf: disable
    assert "{} and {}, where the Reverse Sigmoid leaves it {} and {}".format(*told) in TEXT
    worth = [
        written(float(naive["none", budget]) - float(labels["none", budget]))
        for budget in (50, 100)
    ]
    assert f"probabilities give {worth[0]} and {worth[1]} over labels as they are" in TEXT


def test_the_decoys():
    """The table, and what the docstring of the layer takes from it."""
    page = (ROOT / "docs" / "which_defence.md").read_text()
    docstring = " ".join(revsig_keras.Decoy.__doc__.split())
    table = {}
    for decoys, gap, *figures in lines_of("## How many decoys", "decoys", page):
        told = {"defence": f"decoy:decoys={decoys}:decimals={len(gap) - 1}"}
        naive = [agreement("decoy_digits", adversary="probabilities", budget=budget, **told)
                 for budget in (100, 400)]  # yapf: disable
        distances = [float(row["distortion_l1_test"]) for row in cells("decoy_digits", **told)]
        assert figures == [*naive, written(sum(distances) / len(distances))]
        table[decoys, gap] = " and ".join(naive)
    assert len(table) == 9
    for adversary in ("probabilities", "labels"):
        clean = [agreement("decoy_digits", defence="none", adversary=adversary, budget=budget)
                 for budget in (100, 400)]  # yapf: disable
        assert (f"{clean[0]} with 100 queries and {clean[1]} with 400" in page or
                f"a thief of labels {clean[0]} and {clean[1]}" in page)
    for sentence in (f"replicates; undefended .926 and .973): {table['2', '.01']}.",
                     f"One decoy leaves it {table['1', '.01']}, three {table['3', '.01']},",
                     f"A gap of .1 leaves it {table['2', '.1']}, and one of .001 "
                     f"{table['2', '.001']},"):  # yapf: disable
        assert sentence in docstring
    rows = cells("decoy_digits", defence="decoy:decoys=2:decimals=2", budget=100)

    def mean(name):
        return sum(float(row[name]) for row in rows) / len(rows)

    words = " ".join(page.split())
    for figure, name in (("AUROC for being right", "confidence_auroc"), ("calibration error",
                                                                         "ece")):
        decoded, clean = (written(mean(f"{name}_{kind}")) for kind in ("decoded", "clean"))
        assert f"{figure} is {decoded} (clean: {clean})" in words or (
            f"{figure} {decoded} (clean: {clean})" in words)
    lost = written(mean("confidence_auroc_clean") - mean("confidence_auroc_decoded"))
    assert f"such buckets cost {lost}." in " ".join(PAGE.split())


def test_the_decoys_on_mnist():

    def naive(decoys, decimals):
        return agreement("decoy_mnist", defence=f"decoy:decoys={decoys}:decimals={decimals}")

    row = cells("decoy_mnist", defence="decoy:decoys=2:decimals=2")[0]
    lost = float(row["confidence_auroc_clean"]) - float(row["confidence_auroc_decoded"])
    assert (
        f"the naive thief gets {agreement('decoy_mnist', defence='none')} undefended, and behind "
        f"two decoys {naive(2, 1)}, {naive(2, 2)} and {naive(2, 3)} with gaps of .1, .01 and "
        f".001. With a gap of .01, one decoy leaves it {naive(1, 2)}, and three {naive(3, 2)}. "
        f"By decoding, an honest user loses {written(lost)} of the AUROC") in TEXT
