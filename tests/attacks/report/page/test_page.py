"""The page of a report: complete, safe, accessible, and without a network."""
import html.parser
import itertools
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from attacks.grid.judgement import Judgement
from attacks.report.page.chart import Chart
from attacks.report.page.chart import Line
from attacks.report.page.content import not_tried
from attacks.report.page.content import sections
from attacks.report.page.page import Findings
from attacks.report.page.page import render
from attacks.report.statistics.per_row import PerRow
from attacks.report.verdict.verdict import Evidence
from attacks.report.verdict.verdict import judge
from tests.attacks.report.made_up import row
from tests.attacks.report.made_up import ROWS
from tests.tables import some_quick

HOSTILE = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onload='alert(1)",
           "{{ 7 * 7 }}", "</title><svg/onload=alert(1)>", "`<b>`", "a\u202eb&amp;")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def page(rows=ROWS, fail_above=None, missing=(), **entries):
    verdict = judge(Evidence(rows, missing=missing), Judgement(fail_above=fail_above))
    return render(Findings(rows, PerRow(), verdict, **entries))


class Document(html.parser.HTMLParser):
    """The elements of a page, its text, and where it points."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.targets, self.ids, self.references = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.targets += [given[name] for name in ("src", "href") if given.get(name)]
        self.ids += [given["id"]] if "id" in given else []
        for name in ("aria-labelledby", "aria-describedby"):
            self.references += given.get(name, "").split()

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("limit, missing, words", [
    (None, (), "Nothing is judged"),
    (1.0, (), "Passed"),
    (0.1, (), "Failed"),
    (0.8, (), "Undecided"),
    (1.0, ("one", "two"), "2 cells are missing"),
    (1.0, None, "Which cells the grid has is unknown"),
])
def test_the_verdict_stands_first_in_words(limit, missing, words):
    text = page(fail_above=limit, missing=missing)
    assert words in text and text.index("<h2 id=\"verdict\"") < text.index("<svg")


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("column", ["victim", "dataset", "commit", "processor", "gpus"])
def test_no_text_of_a_result_is_markup(hostile, column):
    plain, hurt = (Document(
        page([{
            **one, column: value
        } for one in ROWS], replay=f"--victim={value}\n")) for value in ("x", hostile))
    assert [tag for tag, _ in hurt.tags if tag != "code"] == \
        [tag for tag, _ in plain.tags if tag != "code"]
    assert hostile in "".join(hurt.text)
    assert not any(name.startswith("on") for _, given in hurt.tags for name in given)


@pytest.mark.parametrize("hostile", HOSTILE[:5])
@pytest.mark.parametrize("column", ["defence", "attack"])
def test_no_name_of_a_member_is_markup(hostile, column):
    tags = [tag for tag, _ in Document(page([{**one, column: hostile} for one in ROWS])).tags]
    assert "script" not in tags and "img" not in tags


def test_what_stands_between_backticks_is_code():
    text = page()
    assert "by <code>revsig-keras inspect</code> on the exported files" in text
    assert "&lt;code" not in text and "`" not in "".join(Document(text).text)


def test_nothing_leaves_the_page():
    text = page()
    document = Document(text)
    assert document.targets == ["data:,"] and "script" not in text and "@import" not in text
    assert "url(" not in text
    policy, = (given["content"] for _, given in document.tags
               if given.get("http-equiv") == "Content-Security-Policy")  # yapf: disable
    assert "default-src 'none'" in policy


def test_headings_tables_and_charts_can_be_read_aloud():
    document = Document(page())
    levels = [int(tag[1]) for tag, _ in document.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(document.ids) == len(set(document.ids)) >= 6
    assert set(document.references) <= set(document.ids)
    assert all("scope" in given for tag, given in document.tags if tag == "th")
    for tag, given in document.tags:
        assert tag != "svg" or given["role"] == "img" and given["aria-labelledby"]


def test_a_large_grid_stays_small_and_its_labels_apart():
    rows = [
        row(defence, adversary, budget, seed, 0.5 + budget / 20000 + seed / 100)
        for defence in ("none", "rs", "rounding")
        for adversary in ("probabilities", "labels", "bayes", "aware", "averaged", "independent",
                          *(f"bayes:pairs={n}"
                            for n in range(100, 109)))
        for budget in (50, 100, 200, 400, 800, 1600, 3200)
        for seed in range(5)
    ]
    text = page(rows)
    assert len(text.encode()) < 300_000
    for section in sections(rows, PerRow()):
        assert len(section.chart.lines) <= 8
        places = sorted(placed.label_y for placed in section.chart.lines)
        assert all(below - above > 15 for above, below in itertools.pairwise(places))


@pytest.mark.parametrize("points", [
    [(10, 0.5, 0.4, 0.6)],
    [(10, 0.0, 0.0, 0.0), (100, 1.0, 1.0, 1.0)],
    [(budget, 0.9, 0.85, 0.95) for budget in range(10, 400, 10)],
])
def test_a_chart_keeps_its_points_inside(points):
    chart = Chart("title", [Line("one", "strongest", tuple(points))] * 3)
    for placed in chart.lines:
        assert all(chart.left <= x <= chart.right and chart.top <= y <= chart.bottom
                   for x, y in placed.dots)
        assert chart.top - 20 <= placed.label_y <= chart.bottom + 20
    assert 1 <= len(chart.levels) <= 7
    places = [chart.x(budget) for budget in chart.marked_budgets]
    assert all(after - before > 40 for before, after in itertools.pairwise(places))


@pytest.mark.parametrize("strongest, labels, noise, seeds, words", [
    ("labels", 0.9, 0, 1, "needs the labels alone"),
    ("probabilities", 0.95, 0.002, 5, "Labels are enough"),
    ("probabilities", 0.94, 0.002, 5, "would bring it down to about the former"),
    ("probabilities", 0.6, 0.02, 5, "would bring it down to about the former"),
    ("probabilities", 0.94, 0.02, 5, "do not tell"),
    ("probabilities", 0.6, 0, 1, "do not tell"),
    ("probabilities", None, 0, 1, "was not tried"),
])
def test_what_would_lower_it(strongest, labels, noise, seeds, words):
    """By the paired difference to the strongest thief of the labels alone."""
    rows = [
        row("rs", "probabilities", 100, seed,
            (0.95 if strongest == "probabilities" else 0.5) + (seed % 3 - 1) * noise)
        for seed in range(seeds)
    ]  # yapf: disable
    for name, less in (("labels", 0), ("labels:smoothing=.1", 0.3)) if labels is not None else ():
        validation = labels - less - 0.1 * (strongest != "labels")
        rows += [row("rs", name, 100, seed, labels - less, validation=validation,
                     clone_digest=f"{name} {seed}") for seed in range(seeds)]  # yapf: disable
    section, = sections(rows, PerRow())
    assert any(words in sentence for sentence in section.advice), section.advice


def lines_of(rows):
    """The mean agreements of the first section's lines, by what they show."""
    section = sections(rows, PerRow())[0]
    return {placed.line.kind: [point[1] for point in placed.line.points]
            for placed in section.chart.lines}  # yapf: disable


def test_the_lines_are_of_the_attack_of_the_strongest_thief():
    rows = [
        row(defence, adversary, 100, 0, agreement, attack=attack)
        for defence in ("none", "rs")
        for attack, adversary, agreement in (("sample", "labels", 0.3), ("sample", "probabilities",
                                                                         0.4),
                                             ("active", "labels", 0.6), ("active", "probabilities",
                                                                         0.7), ("active", "bayes",
                                                                                0.9))
    ]
    assert lines_of(rows) == {
        "strongest": [0.9],
        "labels": [0.6],
        "naive": [0.7],
        "undefended": [0.7]
    }


def test_a_thief_that_is_also_the_reference_has_one_line():
    rows = [row("rs", "labels", 100, 0, 0.9), row("rs", "probabilities", 100, 0, 0.5)]
    assert lines_of(rows) == {"strongest": [0.9], "naive": [0.5]}


def test_the_strongest_on_test_rows_leads_and_controls_end_the_table():
    agreements = {"independent": 0.95, "averaged": 0.2, "labels": 0.9, "bayes": 0.8}
    rows = [row("rs", name, 100, 0, agreement) for name, agreement in agreements.items()]
    names = [thief.name.split(",")[0] for thief in sections(rows, PerRow())[0].thieves]
    assert names == ["labels", "bayes", "averaged", "independent"]


def test_readers_alone_have_a_page():
    """No thief, nor a control: `posterior_mean` is given clean outputs."""
    rows = [row(name, "posterior_mean", 100, 0, 0.9) for name in ("none", "rs")]
    assert "(no thief: it is given clean outputs)" in page(rows)
    assert lines_of(rows) == {"control": [0.9]}


def test_the_strongest_is_of_the_largest_budget_that_a_thief_has():
    """Where a run was stopped, readers may be ahead."""
    rows = [row("rs", "aware", 100, 0, 0.8), row("rs", "posterior_mean", 200, 0, 0.9)]
    assert lines_of(rows) == {"strongest": [0.8]}
    assert "No thief was tried" not in page(rows)


def test_what_was_not_tried_is_named():
    told = not_tried([row("rs", "bayes:pairs=100", 100, 0, 0.9, attack="sample:shift=.1")])
    assert {"attack", "adversary"} == set(told)
    assert "sample" not in told["attack"] and {"active", "knockoff"} <= set(told["attack"])
    assert "bayes" not in told["adversary"] and {"labels", "aware"} <= set(told["adversary"])


def test_a_thief_of_two_kinds_has_one_line():
    """Here the strongest thief is the labels-only one."""
    rows = [row("rs", "probabilities", 100, 0, 0.5), row("rs", "labels", 100, 0, 0.9)]
    section, = sections(rows, PerRow())
    assert [placed.line.kind for placed in section.chart.lines] == ["strongest", "naive"]


def test_unknown_costs_are_said_to_be_unknown():
    known = {"victim_accuracy_clean": 0.9, "victim_accuracy_defended": 0.9, "ece_clean": 0.1,
             "ece_defended": 0.4, "distortion_l1_test": 1.2}  # yapf: disable
    names = [name for name in row("rs", "labels", 100, 0, 0.9)
             if name.startswith(("ece", "brier", "confidence", "top5", "victim_acc",
                                 "distortion"))]  # yapf: disable
    blank = {name: None for name in names}
    assert "Unknown: the answers without" in page([row("rs", "labels", 100, 0, 0.9, **blank)])
    text = page([row("rs", "labels", 100, 0, 0.9, **{**blank, **known})])
    assert "expected calibration error" in text and "0.400" in text and "1.200" in text
    assert "Brier" not in text


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Opens a page in a browser; returns what it wrote and its log."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")

    def open_page(text, *options):
        folder = tmp_path_factory.mktemp("browser")
        path = folder / "report.html"
        path.write_text(text, encoding="utf-8")
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr",
            f"--log-net-log={folder / 'net.json'}", *options,
            path.as_uri()
        ]
        result = subprocess.run(command,
                                cwd=folder,
                                capture_output=True,
                                timeout=120,
                                check=True,
                                text=True)
        return folder, result

    return open_page


def test_a_browser_shows_it_and_asks_for_nothing(browse):
    folder, result = browse(page(), "--window-size=390,900", "--screenshot=page.png")
    assert (folder / "page.png").stat().st_size > 10_000
    assert "CONSOLE" not in result.stderr, result.stderr
    asked = re.findall(r'"url":"https?://([^/"]*)', (folder / "net.json").read_text())
    # The browser itself asks for the time and for updates.
    assert not [host for host in asked if not host.endswith((".google.com", ".googleapis.com"))]


@pytest.mark.parametrize("scheme", some_quick(["light", "dark"], ["dark"]))
def test_axe_finds_nothing(scheme, browse):
    axe = pytest.importorskip("axe_core_python")
    source = (pathlib.Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    text = re.sub("<meta http-equiv=.*?>", "", page(fail_above=0.8))
    run = "axe.run().then(r => { document.body.innerText = JSON.stringify(r.violations); });"
    text = text.replace("</body>", f"<script>{source}</script><script>{run}</script></body>")
    options = ["--dump-dom", "--virtual-time-budget=20000"]
    if scheme == "dark":
        options.append("--blink-settings=preferredColorScheme=0")
    _, result = browse(text, *options)
    found = re.search(r"<body>\s*(\[.*\])\s*</body>", html.unescape(result.stdout), re.S)
    assert found, result.stdout[-500:]
    assert not [(one["id"], [node["html"] for node in one["nodes"]])
                for one in json.loads(found[1])]  # yapf: disable
