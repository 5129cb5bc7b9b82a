"""Folders of images as a data set, which are decoded once."""
import os

import numpy as np
from PIL import Image
import pytest
import tensorflow as tf

from models.data import folder as folder_images
from models.data import loading
from models.data.streamed import StreamedImages

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, [6, 8, 5, 3], "uint8")


def save(path, pixels, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Two classes of two colour images each."""
    for i, place in enumerate(["b/1.png", "a/1.PNG", "a/2.bmp", "b/.hidden/no.png"]):
        save(tmp_path / "set" / place, COLOURS[i])
    save(tmp_path / "set" / "b" / "2.Gif",
         COLOURS[3] // 64 * 64,
         save_all=True,
         append_images=[Image.fromarray(COLOURS[4])])
    (tmp_path / "set" / "b" / ".3.png").write_text("hidden")
    (tmp_path / "set" / "b" / "notes.txt").write_text("no image")
    (tmp_path / "set" / ".cache").mkdir()
    return tmp_path / "set"


def load(folder, **options):
    return loading.load(f"folder:{folder}", cache_dir=str(folder.parent / "cache"), **options)


def cached(folder):
    return {path.name for path in folder.parent.glob("cache/*")}


def test_images_and_labels(folder, tmp_path):
    dataset = load(folder)
    expected = np.stack([*COLOURS[[1, 2, 0]], COLOURS[3] // 64 * 64])
    np.testing.assert_array_equal(dataset.x[:], (expected / 255).astype("float32"))
    assert isinstance(dataset.x, StreamedImages) and dataset.input_range == (0, 1)
    assert dataset.y.tolist() == [0, 0, 1, 1] and dataset.num_classes == 2
    np.savez(tmp_path / "same.npz", x=expected, y=dataset.y)
    same = loading.load(f"npz:{tmp_path / 'same.npz'}")
    assert same.fingerprint() == dataset.fingerprint() == load(folder).fingerprint()


def test_grey_images_and_other_modes_of_files(folder):
    """One channel if all are grey; transparency, 16 bits and palettes are read as they look."""
    grey = COLOURS[0, ..., 0]
    folder = folder.parent / "grey"
    save(folder / "a" / "1.png", grey)
    save(folder / "a" / "2.png", grey.astype("uint16") * 257)
    save(folder / "b" / "1.bmp", grey)
    save(folder / "b" / "2.png", grey, "LA")
    one = load(folder).x
    np.testing.assert_array_equal(one[:], np.broadcast_to(one[0], [4, 8, 5, 1]))
    np.testing.assert_array_equal(one[0][..., 0], (grey / 255).astype("float32"))
    flat = np.full([8, 5, 3], [255, 0, 51], "uint8")
    save(
        folder / "b" / "2.png",
        flat,
        "P",
    )
    save(folder / "b" / "3.bmp", flat, "P")
    save(folder / "b" / "4.png", flat, "RGBA")
    save(folder / "b" / "5.JPEG", flat, quality=100)
    three = load(folder).x
    assert three.shape == (7, 8, 5, 3)
    np.testing.assert_array_equal(three[:3], np.repeat(one[:3], 3, axis=-1))
    np.testing.assert_allclose(three[3:], np.broadcast_to(flat / 255, [4, 8, 5, 3]), atol=0.02)


def test_image_size_resizes_as_elsewhere(folder):
    save(folder / "b" / "3.png", COLOURS[5][:4])
    with pytest.raises(ValueError,
                       match=r"one size, or image_size.*Received: \(8, 5\) in .*a.1.PNG, \(4, 5\) "
                       r"in .*b.3.png"):
        load(folder)
    images = load(folder, image_size=(4, 5)).x
    expected = tf.image.resize(COLOURS[1] / np.float32(255), (4, 5), antialias=True)
    np.testing.assert_allclose(images[0], expected, atol=0.51 / 255)
    np.testing.assert_array_equal(images[4], (COLOURS[5][:4] / 255).astype("float32"))


@pytest.mark.parametrize("content", [b"", b"BM", b"text", "half a png"])
def test_a_file_that_is_no_image_is_named_and_nothing_is_cached(folder, content):
    bad = folder / "b" / "0.png"
    if isinstance(content, str):
        content = (folder / "b" / "1.png").read_bytes()[:80]
    bad.write_bytes(content)
    with pytest.raises(ValueError, match=f"can be read and decoded. Received: {bad}"):
        load(folder)
    assert not cached(folder)


@pytest.mark.parametrize("missing, message", [
    (".", "must be an existing directory"),
    ("a", "at least 2 classes. Received: b"),
    ("a/*", "in the folder of each class. Received: none in a$"),
    ("*/*.*", "images .*.png.* Received: none in a, b"),
])
def test_bad_folders(folder, missing, message):
    if missing == ".":
        folder = folder / "none"
    elif missing == "a":
        (folder / "a").rename(folder / ".a")
    else:
        for path in folder.glob(missing):
            if path.is_file():
                path.unlink()
    with pytest.raises(ValueError, match=message):
        load(folder)


def test_images_are_decoded_once_until_they_change(folder, monkeypatch):
    first = load(folder)
    names = cached(folder)
    moved = folder.rename(folder.parent / "moved")
    with monkeypatch.context() as patch:
        patch.setattr(folder_images, "_decoded", None)
        patch.setattr(folder_images.Dataset, "digest", None)
        patch.setattr(folder_images, "number_equal", None)
        again = load(moved)
    np.testing.assert_array_equal(again.x[:], first.x[:])
    assert again.fingerprint() == first.fingerprint()
    os.utime(moved / "a" / "1.PNG", ns=(0, 1))
    assert load(moved).fingerprint() == first.fingerprint()
    load(moved, image_size=(8, 5))
    assert len(names) == 3 and len(cached(moved)) == 9


def test_a_damaged_cache_is_named(folder):
    load(folder)
    stored, = folder.parent.glob("cache/*.npy")
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{stored} is damaged. Remove it"):
        load(folder)


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(folder_images._directory(None)) == "/x/revsig_keras"
    assert str(folder_images._directory("/mine")) == "/mine"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert str(folder_images._directory(None)) == "/home/me/.cache/revsig_keras"


def test_files_of_cameras_and_the_web(tmp_path, caplog):
    """Every format, in folders of any depth, turned as it was photographed; others are counted."""
    pixels = np.kron(np.arange(24).reshape(4, 6, 1) % [5, 7, 11] * 20, np.ones((8, 8, 1)))
    image = Image.fromarray(pixels.astype("uint8"))
    for name in ("a", "b"):
        (tmp_path / "set" / name / "more" / "still").mkdir(parents=True)
        place = tmp_path / "set" / name
        image.save(place / "1.webp", lossless=True)
        image.save(place / "more" / "2.TIF")
        image.save(place / "more" / "still" / "3.jfif", format="JPEG", quality=100, subsampling=0)
        for number, turn in ((4, None), (5, Image.Transpose.ROTATE_90)):
            exif = Image.Exif()
            exif[0x0112] = 1 if turn is None else 6
            turned = image if turn is None else image.transpose(turn)
            turned.save(place / f"{number}.jpg", quality=100, subsampling=0, exif=exif)
        for other in ("notes.txt", "more/notes.txt", "script", ".hidden"):
            (place / other).write_text("no image")
    found = load(tmp_path / "set").x[:] * 255
    assert found.shape == (10, 32, 48, 3)
    assert np.abs(found - pixels).mean(axis=(1, 2, 3)).max() < 8
    assert "6 files are no images" in caplog.text and ".txt (4), none (2)" in caplog.text
