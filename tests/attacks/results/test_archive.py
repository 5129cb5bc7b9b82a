"""All cells in one file: read and resumed like the files, which take precedence."""
import lzma
import shutil

import pytest

from attacks import plot
from attacks.results.archive import archived_ids
from attacks.results.archive import ArchiveError
from attacks.results.archive import NAME
from attacks.results.archive import write_archive
from attacks.results.records import read_cells
from attacks.results.records import RecordError
from tests.attacks.grid.test_config import experiment_config
from tests.attacks.report.made_up import record
from tests.attacks.report.made_up import write_cell
from tests.attacks.report.made_up import write_grid
from tests.attacks.results.test_store import config
from tests.attacks.results.test_store import opened
from tests.attacks.results.test_store import ResultStore


def archived(directory):
    """Leaves the archive alone."""
    path = write_archive(directory)
    shutil.rmtree(directory / "cells", ignore_errors=True)
    return path


def test_an_archive_is_read_like_the_files(tmp_path):
    write_grid(tmp_path)
    before = read_cells(tmp_path)
    path = archived(tmp_path)
    assert read_cells(tmp_path) == before and len(archived_ids(tmp_path)) == len(before) == 8
    data = path.read_bytes()
    assert write_archive(tmp_path).read_bytes() == data
    assert len(data) < 1000


def test_files_take_precedence_and_join_the_next_archive(tmp_path):
    write_grid(tmp_path)
    archived(tmp_path)
    old, new = read_cells(tmp_path)[0], record(seed=9)
    write_cell(tmp_path, {**old, "queries_used": 7})
    write_cell(tmp_path, new)
    for _ in range(2):
        found = {each["id"]: each for each in read_cells(tmp_path)}
        assert len(found) == 9 and found[new["id"]] == new
        assert found[old["id"]]["queries_used"] == 7
        archived(tmp_path)


def test_archived_cells_are_not_done_again(tmp_path):
    opened(tmp_path)
    cells = experiment_config().cells()
    archived(tmp_path)
    store = ResultStore(config(tmp_path))
    assert store.missing(cells) == cells[1:]
    (tmp_path / "cells").mkdir()
    with store.claim(cells[0]) as is_mine, store.claim(cells[1]) as is_next:
        assert (is_mine, is_next) == (False, True)
    with pytest.raises(ValueError, match="must not hold a different experiment"):
        ResultStore(config(tmp_path, epsilon=0.5))


@pytest.mark.parametrize("data", [
    b"",
    b"no archive",
    lzma.compress(b'{"id": "whole"}\n')[:-9],
    lzma.compress(b"{}\n"),
    lzma.compress(b"[]\n"),
    lzma.compress(b"{\n"),
], ids=["empty", "no archive", "cut short", "no result", "a list", "no JSON"])  # yapf: disable
def test_a_broken_archive_is_named(tmp_path, data):
    (tmp_path / NAME).write_bytes(data)
    for read, error in ((read_cells, RecordError), (archived_ids, ArchiveError)):
        with pytest.raises(error, match=NAME):
            read(tmp_path)


def test_the_program_writes_an_archive_where_it_is_asked_to(tmp_path, capsys):
    write_grid(tmp_path)
    plot.main(str(tmp_path))
    assert not (tmp_path / NAME).exists()
    plot.main(str(tmp_path), archive=True)
    assert f"{NAME} in {tmp_path}" in capsys.readouterr().out
    assert len(list((tmp_path / "cells").iterdir())) == 8
