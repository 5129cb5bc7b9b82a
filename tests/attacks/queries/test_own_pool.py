"""A thief's own pool, in a NumPy file or a folder of images."""
import json

import keras
import numpy as np
import pytest

from attacks.clone.recipe import Recipe
from attacks.experiment import divide
from attacks.grid.config import RunConfig
from attacks.grid.execution import ExecutionConfig
from attacks.grid.experiment_config import ExperimentConfig
from attacks.grid.registries import ATTACKS
from attacks.queries.pools import Pools
from models.data.images import resize
from models.data.loading import DataConfig
from models.data.loading import load
from models.data.streamed import StreamedImages
from tests.attacks.programs import call

RNG = np.random.default_rng(0)
BYTES = RNG.integers(256, size=(30, 10, 10, 3), dtype=np.uint8)
LABELS = np.arange(30) % 4
NETS = """
import keras

def build_model(shape, classes, seed):
    layers = [keras.layers.Flatten(), keras.layers.Dense(8, "relu"), keras.layers.Dense(classes)]
    return keras.Sequential([keras.Input(shape), *layers])
"""


def pools_for(shape, tmp_path, input_range=(0.0, 1.0), dataset="digits"):
    own = np.random.default_rng(3).random((20, *shape), np.float32)
    return Pools(own, input_range, DataConfig(dataset, cache_dir=tmp_path / "cache"))


def save(tmp_path, **arrays):
    np.savez(tmp_path / "pool.npz", **arrays)
    return str(tmp_path / "pool.npz")


def write_images(directory, images):
    directory.mkdir(parents=True)
    for number, image in enumerate(images):
        keras.utils.save_img(directory / f"{number:03}.png", image, scale=False)


@pytest.mark.parametrize("attack", ["copycat", "knockoff"])
def test_the_grammar_takes_paths(tmp_path, attack):
    path = save(tmp_path, x=BYTES, y=LABELS)
    made = ATTACKS.make(f"{attack}:pool={path}")
    assert len(made.candidates(pools_for((10, 10, 3), tmp_path))) == 30
    assert ATTACKS.make(f"{attack}:pool=../a-b/c_d.npz").pool == "../a-b/c_d.npz"


@pytest.mark.parametrize("name", ["pool.npz", "photographs"])
def test_the_home_directory_can_be_written_short(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path, x=BYTES)
    write_images(tmp_path / "photographs", BYTES)
    made = ATTACKS.make(f"copycat:pool=~/{name}")
    assert len(made.candidates(pools_for((10, 10, 3), tmp_path))) == 30
    with pytest.raises(ValueError, match="another data set than the victim's"):
        pools_for((10, 10, 3), tmp_path, dataset=f"npz:~/{name}").foreign(f"~/{name}")


@pytest.mark.parametrize("shape", [(10, 10, 3), (8, 9, 1)])
@pytest.mark.parametrize("input_range", [(0.0, 1.0), (-1.0, 3.0)])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_images_of_a_file_become_inputs(tmp_path, shape, input_range, dtype):
    low, high = input_range
    unit = BYTES / 255
    stored = BYTES if dtype == "uint8" else low + unit * (high - low)
    pool = pools_for(shape, tmp_path, input_range).foreign(save(tmp_path, x=stored, y=LABELS))
    wanted = resize(unit.astype("float32"), shape[:2])
    if shape[2] == 1:
        wanted = (wanted @ np.float32([0.299, 0.587, 0.114]))[..., None]
    np.testing.assert_allclose(pool.inputs, low + wanted * (high - low), atol=1e-5)
    assert pool.inputs.dtype == np.float32 and len(pool.fingerprint) == 64
    np.testing.assert_array_equal(pool.classes, LABELS)


def test_vectors_and_files_without_labels_and_with_equal_rows(tmp_path):
    x = RNG.uniform(-2, 2, (40, 5)).astype("float32")
    x[7] = x[3]
    pool = pools_for((5,), tmp_path, (-2.0, 2.0)).foreign(save(tmp_path, x=x))
    np.testing.assert_array_equal(pool.inputs, np.delete(x, 7, axis=0))
    assert pool.classes is None


@pytest.mark.parametrize("folders", [0, 1, 3])
def test_a_folder_of_images_or_of_folders(tmp_path, folders):
    """A folder with one folder of a class is no set of classes."""
    directory = tmp_path / "pool"
    if folders < 2:
        write_images(directory, BYTES)
    if folders == 1:
        write_images(directory / "more", BYTES[:1])
    for number in range(folders if folders > 1 else 0):
        write_images(directory / f"class{number}", BYTES[number::3])
    pools = pools_for((5, 5, 3), tmp_path)
    pool = pools.foreign(str(directory))
    wanted = resize((BYTES / 255).astype("float32"), (5, 5))
    order = np.argsort(np.arange(30) % 3, kind="stable") if folders > 1 else np.arange(30)
    np.testing.assert_allclose(pool.inputs, wanted[order], atol=.51 / 255)
    assert (pool.classes is None) == (folders < 2)
    assert pools.fingerprints() == {str(directory): pool.fingerprint}
    again = pools_for((5, 5, 3), tmp_path).foreign(str(directory))
    assert again.fingerprint == pool.fingerprint


def test_the_fingerprint_tells_pools_apart(tmp_path):
    files = [{"x": BYTES}, {"x": BYTES[::-1]}, {"x": BYTES, "y": LABELS}, {"x": BYTES / 255}]
    prints = [
        pools_for((10, 10, 3), tmp_path).foreign(save(tmp_path, **each)).fingerprint
        for each in files
    ]
    assert len(set(prints)) == 4
    pools = pools_for((8, 8, 1), tmp_path)
    assert pools.foreign("photos").fingerprint is None and not pools.fingerprints()


@pytest.mark.parametrize("shape, arrays, message", [
    ((5,), {"x": BYTES}, r"inputs of the victim's shape \(5,\), or images .*\(10, 10, 3\) in"),
    ((4, 4, 1), {"x": BYTES[..., 0]}, r"Received: \(10, 10\) in"),
    ((10, 10, 3), {"x": BYTES.astype(int)}, "inputs x of dtype uint8 or float.*int64"),
    ((10, 10, 3), {"x": BYTES[:0]}, "at least one"),
    ((10, 10, 3), {"x": BYTES / 200}, "from 0 to 1. Received: 0 to 1.275"),
    ((10, 10, 3), {"x": BYTES * np.nan}, "Received: nan to nan"),
    ((10, 10, 3), {"x": BYTES, "y": LABELS[1:]}, "one whole number per row in y"),
    ((10, 10, 3), {"y": LABELS}, "with the array x.*there is no array x"),
])  # yapf: disable
def test_files_that_do_not_fit_are_refused(tmp_path, shape, arrays, message):
    with pytest.raises(ValueError, match=message):
        pools_for(shape, tmp_path).foreign(save(tmp_path, **arrays))


def test_folders_that_do_not_fit_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError,
                       match="`pool` must be .*empty must have images .*Received: none"):
        pools_for((8, 8, 1), tmp_path).foreign(str(tmp_path / "empty"))
    with pytest.raises(ValueError, match=r"inputs of shape \(5,\), which are no images"):
        pools_for((5,), tmp_path).foreign(str(tmp_path / "empty"))
    with pytest.raises(ValueError, match="or a folder of images. Received: .*nowhere"):
        pools_for((8, 8, 1), tmp_path).foreign(str(tmp_path / "nowhere"))


def test_the_victims_own_data_are_refused_by_path_and_by_content(tmp_path, monkeypatch):
    path = save(tmp_path, x=BYTES, y=LABELS)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="another data set than the victim's.*pool.npz"):
        pools_for((10, 10, 3), tmp_path, dataset=f"npz:{path}").foreign("./pool.npz")
    own = StreamedImages(BYTES[5:])
    with pytest.raises(ValueError, match="another data set than the victim's"):
        Pools(own, (0.0, 1.0)).foreign(path)


@pytest.mark.parametrize("part", ["victim_train", "victim_validation", "evaluation", "test"])
def test_rows_of_the_victim_and_of_the_evaluator_are_refused_or_left_out(tmp_path, caplog, part):
    digits = load("digits")
    path = tmp_path / "data.npz"
    np.savez(path, x=digits.x[:900], y=digits.y[:900], x_test=digits.x[900:], y_test=digits.y[900:])
    experiment = ExperimentConfig(DataConfig(f"npz:{path}"), clone=Recipe("mlp"), budgets=(10,))
    parts, pools = divide(RunConfig(experiment, ExecutionConfig(tmp_path)), experiment.data.load())
    taken, free = getattr(parts, part).x[:9], RNG.random((1000, 8, 8, 1), np.float32)
    pool = pools.foreign(save(tmp_path, x=np.concatenate([free[:500], taken, free[500:]])))
    np.testing.assert_array_equal(pool.inputs, free)
    assert "9 images are left out, which the victim or the evaluator has" in caplog.text
    np.savez(tmp_path / "most.npz", x=np.concatenate([free[:800], taken]))
    with pytest.raises(ValueError, match="another data set than the victim's.*most.npz"):
        pools.foreign(str(tmp_path / "most.npz"))


@pytest.mark.slow
def test_a_run_records_fingerprints_and_refuses_changed_files(tmp_path):
    path, nets = save(tmp_path, x=BYTES), tmp_path / "nets.py"
    nets.write_text(NETS)
    architecture = f"custom:file={nets}"
    command = ("--victim_architecture=mlp", "--victim_steps=20",
               f"--clone_architecture={architecture}", "--steps=5", "--budgets=20",
               "--adversaries=labels", "--defences=none", f"--attacks=copycat:pool={path}",
               f"--output_dir={tmp_path / 'run'}")
    assert call(*command) == 0
    path_of_cell, = (tmp_path / "run" / "cells").glob("*.json")
    record = json.loads(path_of_cell.read_text())
    assert record["files"].keys() == {path, architecture}
    assert all(len(fingerprint) == 64 for fingerprint in record["files"].values())
    save(tmp_path, x=BYTES[::-1])
    assert f"must hold results of the same {path}" in call(*command, "--seeds=1")
    save(tmp_path, x=BYTES)
    nets.write_text(NETS.replace("Dense(8", "Dense(9"))
    assert f"must hold results of the same {architecture}" in call(*command, "--seeds=1")
