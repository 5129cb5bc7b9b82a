"""What a criterion finds, and the verdict that its findings make."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses

from attacks.claims.criterion.measures import Measure
from attacks.claims.criterion.measures import together

REPRODUCED, PARTLY, NOT, UNDECIDED = "reproduced", "partly", "not", "undecided"
# By verdict: 0 for the one that a script may rely on.
EXIT_STATUS = {REPRODUCED: 0, PARTLY: 2, NOT: 2, UNDECIDED: 3}


@dataclasses.dataclass(frozen=True)
class Finding:
    """A figure, and whether it is as a claim says.

    Attributes:
        subject: What the figure is, in words.
        measure: The figure with its 95% interval.
        limits: The lowest and the highest value that it may have, `None` where there is no limit.
            Without both, the figure is shown and decides nothing.
        holds: Whether the figure is within them; `None` where its interval leaves it open.
        form: The format of the figure.
    """
    subject: str
    measure: Measure
    limits: tuple[float | None, float | None] = (None, None)
    holds: bool | None = None
    form: str = ".3f"

    @property
    def condition(self) -> str:
        """What the figure has to be, in words; empty where it decides nothing."""
        low, high = self.limits
        if low is not None and high is not None:
            return (f"exactly {low:{self.form}}"
                    if low == high else f"{low:{self.form}} to {high:{self.form}}")
        if low is not None:
            return f"at least {low:{self.form}}"
        return "" if high is None else f"at most {high:{self.form}}"

    def figure(self) -> str:
        """The figure and its interval in words; an end that is unknown is left out."""
        # What rounds to 0 has no sign.
        text, low, high = (None if value is None else f"{value:z{self.form}}"
                           for value in self.measure)  # yapf: disable
        if low is not None and high is not None:
            return f"{text} ({low} to {high})"
        if low is not None:
            return f"{text} (at least {low})"
        return f"{text}" if high is None else f"{text} (at most {high})"


def at_least(subject: str, measure: Measure, limit: float, form: str = ".3f") -> Finding:
    """The condition that a figure is at least a limit: its interval starts there or above."""
    holds = _is_above(measure.low, measure.high, limit)
    return Finding(subject, measure, (limit, None), holds, form)


def at_most(subject: str, measure: Measure, limit: float, form: str = ".3f") -> Finding:
    """The condition that a figure is at most a limit: its interval ends there or below."""
    mirrored = [None if end is None else -end for end in (measure.high, measure.low)]
    return Finding(subject, measure, (None, limit), _is_above(*mirrored, -limit), form)


def between(subject: str,
            measure: Measure,
            limits: tuple[float, float],
            form: str = ".3f") -> Finding:
    """The condition that a figure is between two limits: its whole interval is."""
    low, high = limits
    sides = [at_least(subject, measure, low).holds, at_most(subject, measure, high).holds]
    holds = False if False in sides else None if None in sides else True
    return Finding(subject, measure, limits, holds, form)


def one_between(measured: Mapping[str, Callable[[float], Measure]],
                limits: tuple[float, float],
                form: str = ".3f") -> Finding:
    """The condition that one of several figures is between two limits.

    One of many figures may lie between the limits by chance. So the condition holds only if the
    interval of one of them does so when all intervals together cover 95%, and fails only if all
    figures are outside. The finding shows one figure: of those whose condition holds, the one
    nearest to the middle of the limits. If none holds, it is the nearest of the open figures, and
    if all fail, the nearest of all.

    Args:
        measured: By subject, the figure with an interval of a confidence.
        limits: The lowest and the highest value.
        form: The format of the figures.
    """
    findings = []
    for subject, measure in measured.items():
        finding = between(subject, measure(0.95), limits, form)
        if finding.holds:
            sure = between(subject, measure(together(len(measured))), limits)
            finding = dataclasses.replace(finding, holds=sure.holds)
        findings.append(finding)
    best = next(holds for holds in (True, None, False)
                if any(finding.holds is holds for finding in findings))
    return min((finding for finding in findings if finding.holds is best),
               key=lambda finding: abs(finding.measure.mean - sum(limits) / 2))


def exactly(subject: str, value: float, expected: float, form: str = ".0f") -> Finding:
    """The condition that a figure without an interval equals a number, to the bit."""
    measure = Measure(value, None, None)
    return Finding(subject, measure, (expected, expected), value == expected, form)


def verdict_of(findings: Iterable[Finding]) -> str:
    """The verdict on a claim whose grids are complete.

    Reproduced where all conditions hold, not where none does, partly where some do and some do
    not, and undecided otherwise. All have to hold, so their intervals need no correction.
    """
    holds = [finding.holds for finding in findings if finding.condition]
    if True in holds and False in holds:
        return PARTLY
    if not holds or None in holds:
        return UNDECIDED
    return REPRODUCED if holds[0] else NOT


def _is_above(low, high, limit):
    if low is not None and low >= limit:
        return True
    return False if high is not None and high < limit else None
