"""Writes the report as one page of HTML that needs no network."""

import dataclasses
import pathlib
import re
from typing import Any

import jinja2
import markupsafe

from attacks.report.page.content import not_tried
from attacks.report.page.content import sections
from attacks.report.page.frameworks import REQUIREMENTS
from attacks.report.rows.mixtures import mixture_sentences
from attacks.report.rows.rows import distinct
from attacks.report.rows.rows import group_rows
from attacks.report.rows.rows import reference
from attacks.report.rows.rows import VICTIM
from attacks.report.statistics.per_row import PerRow
from models.versions import versions

_TEMPLATE = pathlib.Path(__file__).with_name("page.html")
# The columns that a reader needs to make the results again, and their names on the page.
_PROVENANCE = {
    "dataset": "Data set",
    "victim": "Victim",
    "commit": "Commit",
    "revsig_keras_version": "revsig_keras",
    "tensorflow_version": "TensorFlow",
    "keras_version": "Keras",
    "python_version": "Python",
    "processor": "Processor",
    "gpus": "GPUs",
}


@dataclasses.dataclass(frozen=True)
class Findings:
    """What a page is made of.

    Attributes:
        rows: Rows as `attacks.report.rows.summary.summary_rows` gives them.
        per_row: The agreement by test row.
        verdict: The verdict as `attacks.report.verdict.verdict.judge` gives it.
        finished: The times at which the first and the last cell ended, as texts.
        replay: The flags that make the results again, or `""` where they are unknown.
    """
    rows: list[dict[str, Any]]
    per_row: PerRow
    verdict: dict[str, Any]
    finished: tuple[str, str] | None = None
    replay: str = ""


def render(findings: Findings) -> str:
    """The page as text.

    Every text that comes from a result, such as the name of a model or of a defence, is escaped,
    and the page's policy forbids scripts and anything from outside the page.
    """
    environment = jinja2.Environment(autoescape=True,
                                     undefined=jinja2.StrictUndefined,
                                     trim_blocks=True,
                                     lstrip_blocks=True)
    environment.filters["percent"] = _percent
    environment.filters["number"] = _number
    environment.filters["code"] = _code
    rows = findings.rows
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        verdict=findings.verdict,
        sections=sections(rows, findings.per_row),
        reference=reference(rows[0]),
        victims=len(group_rows(rows, *VICTIM)),
        mixtures=mixture_sentences(rows),
        not_tried=not_tried(rows),
        requirements=REQUIREMENTS,
        provenance=[(name, ", ".join(map(str, values)))
                    for column, name in _PROVENANCE.items()
                    if (values := [value for value in distinct(rows, column) if value])],
        cells=len(rows),
        finished=findings.finished,
        replay=findings.replay,
        version=versions()["revsig_keras"])


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _code(text: str) -> markupsafe.Markup:
    """Escapes a text, and sets what stands between backticks as code."""
    escaped = str(markupsafe.escape(text))  # As `Markup`, it would escape the tags as well.
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
