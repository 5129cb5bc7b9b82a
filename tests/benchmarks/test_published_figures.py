"""The tables in the README of the benchmarks are those of the results in the repository."""
import json
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LIMITS, README = (
    ROOT / "benchmarks" /
    "README.md").read_text().split("## The rows with a limit")[1].split("## Last figures\n")


def measured(name):
    """The rows of a benchmark, by their names."""
    text = (ROOT / "results" / "benchmarks" / f"{name}.json").read_text()
    return {row["name"]: row for row in json.loads(text)["rows"]}


def table(head, text=README):
    """The lines of the table whose first column is called like this."""
    lines = text.split(f"| {head} |", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[entry.strip(" `") for entry in line.strip("|").split("|")] for line in lines]


def as_written(figure, text):
    """A figure with the decimals of a text."""
    decimals = len(text.partition(".")[2])
    return f"{figure:,.{decimals}f}"


def ratio_as_written(row, text):
    """The ratio of a row and its error, where the text tells one; bold above the limit."""
    ratio, _, error = text.strip("*").partition(" (")
    written = as_written(row["ratio"], ratio)
    if error:
        written += f" ({as_written(row['ratio_error'], error.strip(')'))})"
    is_above = row["limit"] is not None and row["ratio"] > row["limit"]
    return f"**{written}**" if is_above else written


def test_layers_and_models():
    rows, found = measured("layer"), 0
    for name, *figures in table("ratio (+-) at batch"):
        kind, *parts = name.split(", ")
        mode = "".join(f"/{part}" for part in parts if "=" not in part)
        classes = parts[-1].split(" = ")[1] if "=" in parts[-1] else "10"
        for batch, text in zip((1, 32, 256, 4096), figures, strict=True):
            row = rows[f"{kind}{mode}/batch={batch}/classes={classes}"]
            assert ratio_as_written(row, text) == text, row["name"]
            found += 1
    assert found == len(rows)


def shapes_as_told(head):
    """What a table tells of each shape, by the names of the rows."""
    places = [(batch, classes) for classes in (10, 100) for batch in (32, 4096)]
    return {
        f"{name.replace(', ', '/')}/batch={batch}/classes={classes}": text
        for name, *figures in table(f"{head}, ratio (+-)", LIMITS)
        for (batch, classes), text in zip(places, figures, strict=True)
    }


def test_rows_with_a_limit():
    """And what they were before."""
    now, before = shapes_as_told("with a limit"), shapes_as_told("before")
    for name, *figures in table("in a model at batch 32, ratio (+-)", LIMITS):
        mode = name.removeprefix("cnn, ")
        for told, kind, text in zip((now, before, now), ("cnn", "cnn", "floor"),
                                    figures,
                                    strict=True):
            told[f"{kind}/{mode}/batch=32/classes=10"] = text
    for name, *figures in table("served, ratio (+-)", LIMITS):
        for place, batch in enumerate((1, 32)):
            for told, text in zip((now, before), figures[2 * place:]):
                if text:
                    told[f"latency/{name}/batch={batch}"] = text
    for told, files in ((now, "limits"), (before, "before")):
        rows = {**measured(f"layer_{files}"), **measured(f"serving_{files}")}
        assert told.keys() == rows.keys()
        for name, text in told.items():
            assert ratio_as_written(rows[name], text) == text, name


def test_the_quickstart():
    (name, ours, other, ratio), = table("ms", LIMITS)
    row = measured("quickstart")[name]
    assert (as_written(row["ours"], ours), as_written(row["other"], other)) == (ours, other)
    assert ratio_as_written(row, ratio) == ratio and row["unit"] == "ms"


def test_serving():
    rows, found = measured("serving"), 0
    for name, *figures in table("ratio (+-)"):
        kind, _, batch = name.partition(", batch ")
        for route, text in zip(("keras", "savedmodel"), figures, strict=True):
            row = rows[f"{kind}/{route}" + (f"/batch={batch}" if batch else "")]
            assert ratio_as_written(row, text) == text, row["name"]
            found += 1
    assert found == len(rows)


def test_oracles():
    rows = measured("oracles")
    lines = {name: figures for name, *figures in table("ms per row at batch")}
    for protocol, key in (("REST", "rest"), ("gRPC", "grpc")):
        for place, batch in enumerate((1, 64, 256)):
            row = rows[f"ask/{key}/batch={batch}"]
            text = lines[protocol][place]
            assert as_written(row["ours"], text) == text, row["name"]
            text = lines[f"{protocol} / local (+-)"][place]
            assert ratio_as_written(row, text) == text, row["name"]
            if protocol == "REST":
                text = lines["local, beside REST"][place]
                assert as_written(row["other"], text) == text, row["name"]


ATTACKS = [("attacks", *line) for line in table("row")] + [
    ("thieves", *line) for line in table("row", LIMITS)
] + [("thieves_again", *line) for line in table("row, again", LIMITS)]


@pytest.mark.parametrize("file, name, ours, other, ratio, limit", ATTACKS)
def test_attacks(file, name, ours, other, ratio, limit):
    row = measured(file)[name]
    figure, _, unit = ours.partition(" ")
    assert as_written(row["ours"], figure) == figure and unit in (row["unit"], "")
    assert as_written(row["other"], other) == other
    assert ratio_as_written(row, ratio) == ratio
    assert limit == ("shown" if row["limit"] is None else f"{row['limit']:g}")
