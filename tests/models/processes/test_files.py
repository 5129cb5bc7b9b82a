"""Files are complete or not there."""
import multiprocessing
import os
import signal
import stat
import threading

import pytest

from models.processes import files


def test_writes_text_and_bytes(tmp_path):
    path = tmp_path / "file"
    files.write_atomically(path, "né")
    assert path.read_bytes() == "né".encode()
    files.write_atomically(str(path), b"\0")
    assert path.read_bytes() == b"\0"
    assert os.listdir(tmp_path) == ["file"]


def test_works_in_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.write_atomically("file", "text", overwrite=False)
    assert os.listdir() == ["file"]


def test_has_the_usual_permissions(tmp_path):
    files.write_atomically(tmp_path / "ours", "")
    (tmp_path / "usual").touch()
    ours, usual = (stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("ours", "usual"))
    assert ours == usual


def test_does_not_overwrite_unless_told(tmp_path):
    path = tmp_path / "file"
    files.write_atomically(path, "old", overwrite=False)
    with pytest.raises(FileExistsError):
        files.write_atomically(path, "new", overwrite=False)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_of_many_writers_one_wins(tmp_path):
    won = []

    def write(number):
        try:
            files.write_atomically(tmp_path / "file", str(number), overwrite=False)
            won.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / "file").read_text()] == [str(number) for number in won]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_failure_leaves_everything_as_it_was(tmp_path, monkeypatch, overwrite):

    def fail(*_):
        raise OSError("disk full")

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_atomically(tmp_path / "file", "new", overwrite)
    assert (tmp_path / "file").read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_path_below_a_file_is_an_os_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        files.write_atomically(tmp_path / "file" / "below", "")


def hang(path, has_begun):

    def write(file):
        file.write(b"half of it")
        file.flush()
        has_begun.set()
        signal.pause()

    files.write_once(path, write)


def test_one_process_writes_and_what_a_killed_one_leaves_is_not_the_file(tmp_path):
    path, spawn = tmp_path / "new" / "file", multiprocessing.get_context("spawn")
    has_begun, written = spawn.Event(), []
    first = spawn.Process(target=hang, args=(path, has_begun))
    first.start()
    assert has_begun.wait(60)

    def write(file):
        written.append(file.write(b"all of it"))

    second = threading.Thread(target=files.write_once, args=(path, write))
    second.start()
    second.join(0.2)
    assert second.is_alive() and not path.exists()
    first.kill()
    second.join(60)
    files.write_once(path, write)
    assert path.read_bytes() == b"all of it" and written == [9]
    left, = set(path.parent.iterdir()) - {path}
    os.utime(left, (0, 0))
    files.write_once(path, write)
    assert os.listdir(path.parent) == ["file"] and written == [9]


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        files.write_once(tmp_path / "file", lambda file: file.write(b"a") / 0)
    assert not os.listdir(tmp_path)
