"""A chart of agreement over queries as inline SVG: places of lines, bands, labels and ticks."""

import dataclasses
import math

WIDTH, HEIGHT = 720, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 190, 16, 48
_LABEL_DISTANCE = 17


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        label: Its name, which stands at its end.
        kind: The class of its style: `strongest`, `naive`, `labels`, `control` or `undefended`.
        points: Budget, mean, and lower and upper end of the 95% interval, by growing budget.
    """
    label: str
    kind: str
    points: tuple[tuple[int, float, float, float], ...]


@dataclasses.dataclass(frozen=True)
class Placed:
    """A line with its places in the drawing: texts for attributes of SVG elements."""
    line: Line
    path: str
    band: str
    dots: tuple[tuple[float, float], ...]
    label_y: float


class Chart:
    """Places lines on a plane of queries (logarithmic) and agreement.

    Args:
        title: What the chart shows, also for screen readers.
        lines: The lines, at least one with a point.
    """
    width, height = WIDTH, HEIGHT
    left, right, top, bottom = _LEFT, WIDTH - _RIGHT, _TOP, HEIGHT - _BOTTOM

    def __init__(self, title: str, lines: list[Line]):
        self.title = title
        points = [point for line in lines for point in line.points]
        self.budgets = sorted({budget for budget, *_ in points})
        self._low = math.floor(10 * min(low for _, _, low, _ in points)) / 10
        self._high = min(1.0, math.ceil(10 * max(high for *_, high in points)) / 10)
        self._high = max(self._high, self._low + 0.1)
        ends = self._spread([self.y(line.points[-1][1]) for line in lines])
        self.lines = [self._place(line, end) for line, end in zip(lines, ends)]

    @property
    def levels(self) -> list[float]:
        """The agreements of the grid lines."""
        first, last = round(10 * self._low), round(10 * self._high)
        return [level / 10 for level in range(first, last + 1, 2 if last - first > 5 else 1)]

    @property
    def marked_budgets(self) -> list[int]:
        """The budgets that are labelled: as many as fit without touching."""
        marked: list[int] = []
        for budget in self.budgets:
            if not marked or self.x(budget) - self.x(marked[-1]) > 48:
                marked.append(budget)
        return marked

    def x(self, budget: int) -> float:
        """The place of a budget."""
        first, last = math.log(self.budgets[0]), math.log(self.budgets[-1])
        part = (math.log(budget) - first) / (last - first) if last > first else 0.5
        return round(self.left + part * (self.right - self.left), 1)

    def y(self, agreement: float) -> float:
        """The place of an agreement."""
        part = (agreement - self._low) / (self._high - self._low)
        return round(self.bottom - part * (self.bottom - self.top), 1)

    def _place(self, line, label_y):
        dots = tuple((self.x(budget), self.y(mean)) for budget, mean, _, _ in line.points)
        lower = [(self.x(budget), self.y(low)) for budget, _, low, _ in line.points]
        upper = [(self.x(budget), self.y(high)) for budget, _, _, high in line.points]
        return Placed(line, _text(dots), _text([*upper, *reversed(lower)]), dots, label_y)

    def _spread(self, places):
        """Moves labels apart that would touch, and keeps their order."""
        order = sorted(range(len(places)), key=lambda index: places[index])
        spread, lowest = {}, -math.inf
        for index in order:
            lowest = max(places[index], lowest + _LABEL_DISTANCE)
            spread[index] = lowest
        too_low = max(0.0, lowest - self.bottom)
        return [round(spread[index] - too_low, 1) for index in range(len(places))]


def _text(points):
    return " ".join(f"{x:g},{y:g}" for x, y in points)
