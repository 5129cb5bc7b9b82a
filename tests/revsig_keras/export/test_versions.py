"""A server that polls sees all of a version or nothing of it."""
import errno
import multiprocessing
import os
import pathlib
import threading

import pytest

from revsig_keras import DefendedModel
from revsig_keras.export.versions import publish
from revsig_keras.saved_model import files
from tests.revsig_keras import classifiers

FILES = {"saved_model.pb": "graph", "variables/variables.index": "index", "assets/words": "words"}


def fill(folder):
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def is_complete(folder):
    return all((folder / name).is_file() and (folder / name).read_text() == text
               for name, text in FILES.items())


def fail(folder):
    fill(folder)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("there, version", [
    ([], "1"),
    (["1"], "2"),
    (["1", "2", "10"], "11"),
    (["7", "3"], "8"),
    (["0"], "1"),
    (["0007"], "8"),
    (["20241231235959"], "20241231235960"),
    (["latest", "-5", "1.5", "v9", ".8", "²", "٣", " 6"], "1"),
    (["2", str(2**63 - 1), str(2**64)], "3"),
])
def test_the_next_number(there, version, tmp_path):
    """After the largest that a server would read; names that are no numbers do not count."""
    for name in there:
        (tmp_path / name).mkdir()
    path = publish(tmp_path, fill)
    assert path == tmp_path / version and is_complete(path)
    assert sorted(os.listdir(tmp_path)) == sorted([*there, version])


def test_a_file_with_the_name_of_a_version_is_left_alone(tmp_path):
    (tmp_path / "1").write_text("a file")
    (tmp_path / "models.config").write_text("another one")
    assert publish(str(tmp_path), fill) == tmp_path / "2"
    assert (tmp_path / "1").read_text() == "a file"


def test_a_version_is_never_written_over(tmp_path):
    """Nor is one that another process has put there since they were listed."""
    published = [publish(tmp_path, fill)]

    def write(folder):
        fill(folder)
        published.append(publish(tmp_path, fill))

    published.append(publish(tmp_path, write))
    assert [path.name for path in published] == ["1", "2", "3"]


def test_a_version_that_is_taken_since_it_was_listed(tmp_path, monkeypatch):
    fill(tmp_path / "1")
    monkeypatch.setattr(os, "listdir", _lists([], ["1"]))
    assert publish(tmp_path, fill).name == "2"


def _lists(*answers):
    """`os.listdir`, as it answers one call after the other."""
    waiting = list(answers)
    return lambda path: waiting.pop(0)


@pytest.mark.parametrize("base", ["base", "new/and/deep/base"])
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_left_of_what_fails(base, is_new, tmp_path):
    """No version, nothing unfinished, and no folder that was not there."""
    if not is_new:
        fill(tmp_path / base / "4")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path / base, fail)
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / base, lambda folder: None)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interruption_leaves_nothing_either(tmp_path):

    def interrupt(folder):
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path / "base", interrupt)
    assert not list(tmp_path.iterdir())


def test_a_base_that_cannot_be_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("a file")
    for base in (tmp_path / "file", tmp_path / "file" / "base"):
        with pytest.raises(OSError, match=f"folder that can be written to. Received: {base}: Not"):
            publish(base, fill)
    assert os.listdir(tmp_path) == ["file"]


def test_nothing_of_a_version_is_seen_before_it_is_complete(tmp_path):
    """Not by its number, however long it takes to write."""
    fill(tmp_path / "1")

    def write(folder):
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(FILES[name])
            assert [name for name in os.listdir(tmp_path) if name.isdigit()] == ["1"]
            assert folder.stat().st_dev == tmp_path.stat().st_dev

    publish(tmp_path, write)


def _publish_some(base, count, start):
    start.wait()
    for _ in range(count):
        publish(base, fill)


def test_processes_that_publish_at_once_get_versions_of_their_own(tmp_path):
    """A reader that polls meanwhile, as a server does, sees complete ones only."""
    context = multiprocessing.get_context("fork")
    start, base = context.Event(), tmp_path / "base"
    writers = [context.Process(target=_publish_some, args=(base, 8, start)) for _ in range(4)]
    for writer in writers:
        writer.start()
    seen, incomplete, stop = set(), [], threading.Event()

    def poll():
        while not stop.is_set():
            names = os.listdir(base) if base.exists() else []
            versions = {base / name for name in names if name.isdigit()}
            incomplete.extend(path for path in versions - seen if not is_complete(path))
            seen.update(versions)

    reader = threading.Thread(target=poll)
    reader.start()
    start.set()
    for writer in writers:
        writer.join(60)
    stop.set()
    reader.join()
    assert not any(writer.exitcode for writer in writers)
    assert sorted(os.listdir(base), key=int) == [str(i + 1) for i in range(32)]
    assert seen and not incomplete and all(map(is_complete, base.iterdir()))


@pytest.mark.parametrize("umask, folders, contents", [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_permissions_obey_the_umask(umask, folders, contents, tmp_path):
    before = os.umask(umask)
    try:
        path = publish(tmp_path / "base", fill)
    finally:
        os.umask(before)
    for entry in [path.parent, path, *path.rglob("*")]:
        assert entry.stat().st_mode & 0o777 == (folders if entry.is_dir() else contents)


def test_a_base_without_a_name_is_refused(tmp_path, monkeypatch):
    """As that of a variable of the shell that is not set."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="`base` must be a folder. Received: an empty path"):
        publish("", pathlib.Path.mkdir)
    assert os.listdir(tmp_path) == []


def test_a_defended_model_is_published(tmp_path, capsys):
    """By its own `export`, as the documentation says; it announces no folder that is moved."""
    model = DefendedModel(classifiers.sequential(classifiers.dense("softmax")))
    versions = [publish(tmp_path / "base", model.export) for _ in range(2)]
    assert [path.name for path in versions] == ["1", "2"] and not capsys.readouterr().out
    assert all(map(files.is_saved_model, versions))
    assert sorted(os.listdir(tmp_path / "base")) == ["1", "2"]
