"""The progress bar: cells done and left, and a line a minute where nobody watches."""
import re
import time

import pytest

from attacks.schedule.progress import Progress


def lines(err):
    return [line for line in re.split(r"[\r\n]+", err) if line.strip()]


def run(progress, cells):
    progress.expects(10 * cells)
    progress.expects_cells(cells)
    for cell in range(cells):
        with progress.running(f"cell {cell}", 10) as count:
            count(10)
        progress.cell_done()


def test_it_tells_the_cells_that_are_done_and_left(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Progress() as progress:
        run(progress, 3)
    told = re.findall(r"(\d+) cells done, (\d+) left", capsys.readouterr().err)
    counts = [(int(done), int(left)) for done, left in dict.fromkeys(told)]
    assert counts == [(0, 3), (1, 2), (2, 1), (3, 0)]


@pytest.mark.parametrize("seconds, most", [(30, 2), (600, 12)])
def test_in_a_file_it_is_a_line_a_minute(seconds, most, capsys, monkeypatch):
    now = time.time()
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    with Progress() as progress:
        progress.expects(seconds)
        with progress.running("cell", seconds) as count:
            for _ in range(seconds):
                now += 1
                count(1)
    told = lines(capsys.readouterr().err)
    assert seconds // 61 < len(told) <= most
    assert "left" in told[-1]


def test_nothing_is_shown_where_it_is_not_wanted(capsys):
    with Progress(is_shown=False) as progress:
        run(progress, 2)
    assert capsys.readouterr().err == ""
