"""The figures of claims: which there are, and whether their files show the present results."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import hashlib
import io
import pathlib

import matplotlib.figure
from PIL import Image
from PIL import PngImagePlugin

from attacks.claims.criterion.claim import Claim
from attacks.claims.outcome.assessment import Assessment
from attacks.claims.outcome.findings_figure import draw_findings
from attacks.report.figure import encoded
from attacks.report.rows.rows import agreement
from models.processes.files import write_atomically


@dataclasses.dataclass(frozen=True)
class FigureFile:
    """The file of a figure.

    Attributes:
        path: The file.
        caption: What it shows.
        source: The digest of the results that it shows; the file names it.
        draw: Draws it.
    """
    path: pathlib.Path
    caption: str
    source: str
    draw: Callable[[], matplotlib.figure.Figure]

    def is_fresh(self) -> bool:
        """Whether the file is there and shows the present results."""
        if not self.path.exists():
            return False
        with Image.open(self.path) as image:
            return image.info.get("Source") == self.source

    def refresh(self) -> None:
        """Draws the file, unless it is fresh."""
        if not self.is_fresh():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, _in_palette(encoded(self.draw(), "png", self.source)))


def figures_of(claim: Claim, assessment: Assessment, base: pathlib.Path) -> list[FigureFile]:
    """The figures of the complete runs of a claim, beside their cells; else that of its findings.

    As long as no run is complete, they show the quick trial.

    Args:
        claim: The claim.
        assessment: What is known of it.
        base: The directory of the results of claims.
    """
    trial = claim.trial
    if assessment.quick and not assessment.complete():
        trial, assessment = claim.quick, assessment.quick
    name, judged = f"claim_{claim.number:02}.png", assessment.judged()
    if claim.figure is None:
        return [
            FigureFile(base / name, "What decides the claim",
                       _digest((each.subject, each.figure(), each.condition, each.holds)
                               for each in judged), lambda: draw_findings(judged))
        ] if judged else []  # yapf: disable
    complete = assessment.complete()
    return [
        FigureFile(
            grid.directory(base) / name, f"{claim.figure.caption} ({grid.name})",
            _digest((row["id"], row["clone_digest"], agreement(row))
                    for row in complete[grid.name].rows),
            lambda name=grid.name: claim.figure.draw(complete[name]))
        for grid in trial.grids if grid.name in complete
    ]  # yapf: disable


def refresh_figures(claims: Mapping[int, Claim], assessments: Mapping[int, Assessment],
                    base: pathlib.Path) -> None:
    """Draws the figures that are missing or show other results, and removes those of no use.

    Args:
        claims: The claims, by number.
        assessments: What is known of them.
        base: The directory of the results of claims.
    """
    figures = [
        figure for number, claim in claims.items()
        for figure in figures_of(claim, assessments[number], base)
    ]
    for figure in figures:
        figure.refresh()
    for path in set(base.rglob("claim_*.png")) - {figure.path for figure in figures}:
        path.unlink()


def _in_palette(png: bytes) -> bytes:
    """A PNG file of 256 colours at most, which is a third of the size, with the same source."""
    buffer, named = io.BytesIO(), PngImagePlugin.PngInfo()
    with Image.open(io.BytesIO(png)) as image:
        named.add_text("Source", image.info["Source"])
        colours = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        colours.save(buffer, "PNG", optimize=True, pnginfo=named)
    return buffer.getvalue()


def _digest(values: Iterable[tuple]) -> str:
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()[:16]
