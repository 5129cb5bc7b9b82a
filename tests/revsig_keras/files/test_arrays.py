"""NumPy files are read or refused in one line, however they are damaged."""
import random
import zipfile

import numpy as np
import pytest

from revsig_keras.files.arrays import load_arrays
from revsig_keras.files.arrays import load_npz

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.arange(20)


def save_npz(path):
    np.savez(path, x=X, y=Y)


def save_compressed(path):
    np.savez_compressed(path, x=X, y=Y)


def save_npy(path):
    np.save(path, X)


def flip_bit(data, generator):
    place = generator.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << generator.randrange(8)]) + data[place + 1:]


def overwrite(data, generator):
    place, size = generator.randrange(len(data)), generator.randrange(1, 9)
    return data[:place] + generator.randbytes(size) + data[place + size:]


def truncate(data, generator):
    return data[:generator.randrange(len(data))]


def cut_out(data, generator):
    place = generator.randrange(len(data))
    return data[:place] + data[place + generator.randrange(1, 9):]


def insert(data, generator):
    place = generator.randrange(len(data))
    return data[:place] + generator.randbytes(generator.randrange(1, 9)) + data[place:]


def zero(data, generator):
    place = generator.randrange(len(data))
    return data[:place] + bytes(min(64, len(data) - place)) + data[place + 64:]


@pytest.mark.parametrize("damage", [flip_bit, overwrite, truncate, cut_out, insert, zero])
@pytest.mark.parametrize("save, name", [(save_npz, "a.npz"), (save_compressed, "a.npz"),
                                        (save_npy, "a.npy")])  # yapf: disable
def test_a_damaged_file_is_read_or_refused_in_one_line(save, name, damage, tmp_path):
    """Among 100 copies of each kind are all that ended in a traceback once."""
    path, generator = tmp_path / name, random.Random(0)
    save(path)
    data, refused = path.read_bytes(), 0
    readers = [lambda: load_arrays(path, argument="`warmup`")]
    if name.endswith(".npz"):
        readers.append(lambda: load_npz(path, ["x"], ["y"], argument="`inputs`"))
    for _ in range(100):
        path.write_bytes(damage(data, generator))
        for read in readers:
            try:
                assert all(isinstance(array, np.ndarray) for array in read().values())
            except ValueError as error:
                refused += 1
                assert len(str(error).splitlines()) == 1 and str(path) in str(error)
    assert refused > 5


@pytest.mark.parametrize("bit, what", [(0, "encrypted"), (5, "compressed patched data")])
def test_a_flag_of_an_archive_that_is_not_understood_is_refused(bit, what, tmp_path):
    path = tmp_path / "a.npz"
    save_npz(path)
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1 << bit
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{path}: .*{what}"):
        load_npz(path, ["x"], argument="`inputs`")


def test_a_member_that_is_no_array_is_refused(tmp_path):
    """NumPy returns its bytes."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", b"text")
    for read in (lambda path: load_npz(path, ["x"], argument="`inputs`"),
                 lambda path: load_arrays(path, argument="`inputs`")):
        with pytest.raises(ValueError, match="a.npz: ValueError: x is not an array"):
            read(tmp_path / "a.npz")


def test_arrays_are_read_by_name(tmp_path):
    save_npz(tmp_path / "a.npz")
    save_npy(tmp_path / "x.npy")
    assert list(load_npz(tmp_path / "a.npz", ["x"], ["z"], argument="`inputs`")) == ["x"]
    found = load_npz(str(tmp_path / "a.npz"), ["y"], ["x"], argument="`inputs`")
    np.testing.assert_array_equal(found["x"], X)
    assert list(load_arrays(tmp_path / "a.npz", argument="`warmup`")) == ["x", "y"]
    np.testing.assert_array_equal(load_arrays(tmp_path / "x.npy", argument="`warmup`")[None], X)


@pytest.mark.parametrize("save, told", [
    (lambda path: np.save(path, X), "a single array without a name"),
    (lambda path: np.savez(path, z=X), "there is no array x, only: z"),
    (lambda path: np.savez(path, x=np.array([{}])), "objects other than byte strings are"),
    (lambda path: np.array([{}]).dump(path), "allow"),
    (lambda path: path.write_bytes(b""), "EOFError: "),
    (lambda path: path.write_text("no array"), "ValueError: "),
    (lambda path: path.mkdir(), "IsADirectoryError: "),
    (lambda path: None, "FileNotFoundError: "),
])
def test_what_is_not_expected_is_told(save, told, tmp_path):
    """A pickle among it: it could run any code."""
    path = tmp_path / "a.npz"
    save(path)
    if (tmp_path / "a.npz.npy").exists():
        (tmp_path / "a.npz.npy").rename(path)
    with pytest.raises(ValueError) as error:
        load_npz(path, ["x"], argument="`inputs`")
    expected = "`inputs` must be a readable NumPy .npz file with the array x, without pickled "
    assert str(error.value).startswith(f"{expected}objects. Received: {path}: ")
    assert told in str(error.value) and len(str(error.value).splitlines()) == 1
