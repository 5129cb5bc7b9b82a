"""The frame of the benchmarks: alternating repeats, rows, the table and the JSON document."""
import dataclasses
import gc
import json
import math
import os
import re
import statistics
import time
from typing import Any, Callable

from scipy import stats

from attacks.results.provenance import commit
from attacks.results.provenance import hardware
from benchmarks.flags import BenchmarkConfig
from benchmarks.profiling import profile
from models.processes.files import write_atomically
from models.versions import versions

SCHEMA_VERSION = 1

# Some calls in a row; the seconds that one of them took.
Repeat = Callable[[], float]

_LEAST_REPEAT_SECONDS = 0.004
_LEAST_PAIRS = 5


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a benchmark.

    Attributes:
        name: What is measured, from the general to the special, such as `layer/xla/batch=32`.
        ours: Our figure.
        other: The figure of what it is compared with, `None` where that is absent.
        unit: That of both figures.
        limit: The largest ratio that is good enough, `None` where the ratio is only shown.
        repeats: How many repeats, ours or pairs of ours and the other, the figures come from;
            `None` for what is measured once. Of what is built several times, how many builds.
        quartiles: The quartiles of the ratios of the pairs, `None` if there are no pairs. Of what
            is built several times, those of the medians of the builds.
        deviation: The standard deviation of these medians; `None` of what is built once.
    """
    name: str
    ours: float
    other: float | None = None
    unit: str = "ms"
    limit: float | None = None
    repeats: int | None = None
    quartiles: tuple[float, float, float] | None = None
    deviation: float | None = None

    @property
    def ratio(self) -> float | None:
        """ours / other."""
        return None if self.other is None else self.ours / self.other

    @property
    def error(self) -> float | None:
        """Half of an interval of about 95% confidence around the ratio.

        That is the median of the pairs' ratios or, of what is built several times, the mean of the
        builds' medians.
        """
        if self.deviation is not None:
            quantile = float(stats.t.ppf(0.975, self.repeats - 1))
            return quantile * self.deviation / math.sqrt(self.repeats)
        if self.quartiles is None:
            return None
        return 1.57 * (self.quartiles[2] - self.quartiles[0]) / math.sqrt(self.repeats)

    @property
    def verdict(self) -> str:
        """`""` without a limit; `"ok"`, `"OVER"`, or either with `"?"` where noise may decide."""
        if self.limit is None or self.ratio is None:
            return ""
        unsure = self.error is not None and abs(self.ratio - self.limit) < self.error
        return ("OVER" if self.ratio > self.limit else "ok") + "?" * unsure

    def describe(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "name": self.name,
            "ours": self.ours,
            "other": self.other,
            "ratio": self.ratio,
            "unit": self.unit,
            "limit": self.limit,
            "repeats": self.repeats,
            "ratio_quartiles": self.quartiles,
            "ratio_error": self.error,
        }


@dataclasses.dataclass(frozen=True)
class Case:
    """A row that is still to be measured.

    Attributes:
        name, limit: Those of the row.
        make: Builds, compiles and warms up; returns our repeat and the other one, or `None` where
            that is absent.
        seconds: How long to measure, all builds together.
        builds: How many times to build both sides anew. More than one where chance gives each
            build another time, by where its arrays lie in memory: of one SavedModel loaded twice,
            the ratio of the times has a standard deviation of 1%, and of one layer compiled
            several times of 2% to 6%.
    """
    name: str
    limit: float | None
    make: Callable[[], tuple[Repeat, Repeat | None]]
    seconds: float
    builds: int = 1

    def measure(self) -> tuple[Row, Repeat | None]:
        """Returns the row, and our repeat."""
        rows = []
        for _ in range(self.builds):
            ours, other = self.make()
            rows.append(measure(self, ours, other))
        return rows[0] if self.builds == 1 else _pooled(rows), ours


@dataclasses.dataclass(frozen=True)
class Fact:
    """A row that is no matter of time.

    Attributes:
        name, limit, unit: Those of the row.
        make: Returns our figure and the other one.
    """
    name: str
    limit: float | None
    unit: str
    make: Callable[[], tuple[float, float]]

    def measure(self) -> tuple[Row, Repeat | None]:
        """Returns the row, and nothing that could be profiled."""
        ours, other = self.make()
        return Row(self.name, ours, other, self.unit, self.limit), None


def repeat(function: Callable[[], Any]) -> Repeat:
    """Times a function, by repeats of so many calls that one lasts a few milliseconds."""

    def seconds(calls):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        return (time.perf_counter() - start) / calls

    return repeat_elsewhere(seconds)


def repeat_once(function: Callable[[], Any]) -> Repeat:
    """Times one call of a function that takes seconds and is compiled already."""

    def seconds():
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return seconds


def repeat_elsewhere(seconds: Callable[[int], float]) -> Repeat:
    """Like `repeat`, of what times so many calls itself and returns the seconds of one."""
    seconds(1)  # Compiles.
    calls = max(1, math.ceil(_LEAST_REPEAT_SECONDS / max(seconds(1), 1e-7)))
    return lambda: seconds(calls)


def measure(case: Case, ours: Repeat, other: Repeat | None) -> Row:
    """Measures a case by alternating repeats: ours, other, ours, other, and so on.

    The ratio of the row is the median of the ratios of the pairs. (Of a thing against itself on a
    busy machine, it spreads half to two thirds as far as the ratio of the medians: what disturbs
    a repeat mostly lasts for the other of its pair too.) The other figure is a median, and ours is
    the ratio times that.
    """
    pairs = []
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + case.seconds / case.builds
        while len(pairs) < _LEAST_PAIRS or time.perf_counter() < end:
            pairs.append((ours(), other() if other else None))
    finally:
        gc.enable()
    common = {"limit": case.limit, "repeats": len(pairs)}
    if pairs[0][1] is None:
        return Row(case.name, 1e3 * statistics.median(ours for ours, _ in pairs), **common)
    other = 1e3 * statistics.median(other for _, other in pairs)
    quartiles = tuple(statistics.quantiles((a / b for a, b in pairs), method="inclusive"))
    return Row(case.name, quartiles[1] * other, other, quartiles=quartiles, **common)


def _pooled(builds: list[Row]) -> Row:
    """The row of what was built several times: each build is one measurement of the ratio."""
    ratios = [row.ours / row.other for row in builds]
    other = statistics.median(row.other for row in builds)
    return dataclasses.replace(builds[0],
                               ours=statistics.mean(ratios) * other,
                               other=other,
                               repeats=len(builds),
                               quartiles=tuple(statistics.quantiles(ratios, method="inclusive")),
                               deviation=statistics.stdev(ratios))


def run(cases: list[Case | Fact], config: BenchmarkConfig, **about: Any) -> list[Row]:
    """Measures, prints each row of the table as it comes, and writes the document.

    Args:
        cases: What can be measured, in this order.
        config: What of it is asked for, and the file for the document.
        **about: Further entries of the document, such as the versions of a peer.

    Returns:
        The rows.
    """
    wanted = [case for case in cases if re.search(config.only, case.name)]
    if not wanted:
        raise ValueError(f"--only must be found in the name of a row, such as {cases[0].name}. "
                         f"Received: {config.only}")
    width = max(len(case.name) for case in wanted)
    print(f"{'':{width}} {'ours':>10} {'other':>10} unit {'ratio':>8} {'+-':>7} {'limit':>6}",
          flush=True)
    rows = []
    for case in wanted:
        row, ours = case.measure()
        rows.append(row)
        print(_line(row, width), flush=True)
        if config.profile and ours is not None:
            print(profile(ours), flush=True)
    if config.json is not None:
        document = {"schema_version": SCHEMA_VERSION, "versions": versions(), "commit": commit()}
        document["hardware"] = {**hardware(), "load_average": os.getloadavg()[0]}
        document |= {**about, "rows": [row.describe() for row in rows]}
        write_atomically(config.json, json.dumps(document, indent=1, allow_nan=False) + "\n")
    verdicts = [row.verdict for row in rows if row.verdict]
    over, unsure = sum("OVER" in verdict for verdict in verdicts), verdicts.count("OVER?")
    print(
        f"{over} of {len(verdicts)} rows with a limit exceed it, {unsure} of them by noise perhaps")
    return rows


def _line(row, width):
    figures = f"{_number(row.ours)} {_number(row.other)} {row.unit:4} {_number(row.ratio, 8, 3)}"
    limit = f"{_number(row.error, 7, 3)} {_number(row.limit, 6, 2)} {row.verdict}"
    return f"{row.name:{width}} {figures} {limit}".rstrip()


def _number(value, width=10, digits=4):
    return f"{'-' if value is None else f'{value:.{digits}f}':>{width}}"
