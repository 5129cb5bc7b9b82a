"""The victim is trained, written, read, and refused if it does not fit."""
import dataclasses
import json
import math
import os
import shutil

import keras
import numpy as np
import pytest

from models import victim as victims
from models.data import loading
from models.data import splits
from models.processes.strategy import make_strategy
from models.processes.workers import Workers
from models.versions import versions
from tests.models.training.test_checkpoints import Place

CONFIG = victims.VictimConfig("digits_cnn", "adam", 64, 300, 1)


@pytest.fixture(scope="module")
def digits():
    return loading.load("digits")


@pytest.fixture(scope="module")
def parts(digits):
    return splits.split(digits, 5)


@pytest.fixture(scope="module")
def victim(digits, parts):
    return victims.train_victim(CONFIG, digits, parts, make_strategy("one_device"))


@pytest.fixture(scope="module")
def saved(victim, tmp_path_factory):
    directory = tmp_path_factory.mktemp("victim")
    victims.save_victim(victim, directory)
    return directory


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def test_record(victim, digits, parts):
    record = victim.record
    assert record["config"] == dataclasses.asdict(CONFIG)
    assert record["split_seed"] == 5 and record["dataset"] == "digits"
    assert record["dataset_fingerprint"] == digits.fingerprint()
    assert record["num_classes"] == victim.num_classes == 10
    assert record["input_shape"] == [8, 8, 1] and record["input_range"] == [0, 1]
    assert record["versions"] == versions() and record["replicas"] == 1
    answers = victim.probabilities(parts.test.x)
    accuracy = keras.metrics.sparse_categorical_accuracy(parts.test.y, answers)
    assert record["accuracy"]["test"] == pytest.approx(np.mean(accuracy)) and np.mean(accuracy) > .9
    assert 0.5 < record["accuracy"]["validation"] <= 1
    assert record["mean_top1_confidence"] == pytest.approx(np.max(answers, -1).mean())


def test_answers(victim, parts):
    x = parts.pool.x[:50]
    answers, logs = victim.probabilities(x), victim.log_probabilities(x)
    assert answers.dtype == np.float32 and logs.dtype == np.float64
    np.testing.assert_allclose(answers.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(logs).sum(-1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(logs), answers, rtol=1e-4, atol=1e-7)
    assert isinstance(victim.model.layers[-1], keras.layers.Softmax)
    assert victim.model.layers[-1].dtype_policy.name == "float32"


@pytest.mark.slow
def test_replicas_and_progress(digits, parts):
    counts = []
    config = dataclasses.replace(CONFIG, steps=20)
    one, two = (victims.train_victim(config, digits, parts, make_strategy(name), counts.append)
                for name in ("one_device", "mirrored"))
    assert sum(counts) == 40 and two.record["replicas"] == 2
    x = parts.test.x
    np.testing.assert_allclose(one.probabilities(x), two.probabilities(x), rtol=0, atol=1e-5)


def test_round_trip(victim, saved, digits, parts):
    assert sorted(os.listdir(saved)) == ["victim.json", "victim.keras"] and victims.exists(saved)
    for path in (saved, saved / "victim.keras"):
        loaded = victims.load_victim(path, digits, 5)
        assert loaded.record == victim.record and loaded.fingerprint() == victim.fingerprint()
        x = parts.test.x
        np.testing.assert_array_equal(loaded.probabilities(x), victim.probabilities(x))
        np.testing.assert_array_equal(loaded.log_probabilities(x), victim.log_probabilities(x))


def test_a_victim_is_never_overwritten(victim, copy):
    before = (copy / "victim.keras").read_bytes()
    with pytest.raises(FileExistsError, match="holds a victim already"):
        victims.save_victim(victim, copy)
    assert (copy / "victim.keras").read_bytes() == before


def test_a_victim_without_record_is_incomplete(victim, copy, digits):
    os.unlink(copy / "victim.json")
    assert not victims.exists(copy)
    with pytest.raises(ValueError,
                       match="must have its record.*victim.json, which is not readable"):
        victims.load_victim(copy, digits, 5)
    victims.save_victim(victim, copy)
    assert victims.load_victim(copy, digits, 5).fingerprint() == victim.fingerprint()


def test_differences(saved, digits):
    assert not victims.differences(saved, CONFIG, digits, 5)
    same = dataclasses.replace(CONFIG, optimizer="adam:learning_rate=1e-3")
    assert not victims.differences(saved, same, digits, 5)
    other = dataclasses.replace(CONFIG, optimizer="sgd", seed=2)
    assert victims.differences(saved, other, digits,
                               6) == ["victim_optimizer", "victim_seed", "split_seed"]


def test_a_victim_is_found_by_its_own_configuration_alone(saved, digits, victim, tmp_path):
    workers = Workers(make_strategy("one_device"))
    found = [victims.find_or_train(directory, CONFIG, digits, 5, workers, lambda: victim)
             for directory in (saved, tmp_path, tmp_path)]  # yapf: disable
    assert {each.fingerprint() for each in found} == {victim.fingerprint()}
    assert found[1] is victim is not found[2]
    with pytest.raises(ValueError, match=r"another victim.*\(it differs in victim_seed\)"):
        victims.find_or_train(saved, dataclasses.replace(CONFIG, seed=2), digits, 5, workers, None)


@pytest.mark.slow
def test_how_sure_a_victim_is_depends_on_its_training(victim, digits, parts):
    """Its accuracy hardly does."""
    sure = {"label_smoothing=.3": {"label_smoothing": 0.3}, "temperature=.2": {"temperature": 0.2},
            "temperature=5": {"temperature": 5}}  # yapf: disable
    for name, change in sure.items():
        config = dataclasses.replace(CONFIG, **change)
        record = victims.train_victim(config, digits, parts, make_strategy("one_device")).record
        assert record["accuracy"]["test"] > 0.9
        assert record["config"] == {**victim.record["config"], **change}
        sure[name] = record["mean_top1_confidence"]
    own = victim.record["mean_top1_confidence"]
    assert sure["label_smoothing=.3"] < own - 0.1 and sure["temperature=.2"] < own - 0.1
    assert sure["temperature=5"] > own


def test_a_record_from_before_an_option_has_its_default(copy, digits, victim):
    config = {**victim.record["config"]}
    del config["label_smoothing"], config["temperature"]
    (copy / "victim.json").write_text(json.dumps({**victim.record, "config": config}))
    assert not victims.differences(copy, CONFIG, digits, 5)
    neutral = dataclasses.replace(CONFIG, label_smoothing=0, temperature=1.0)
    assert neutral == CONFIG
    smoothed = dataclasses.replace(CONFIG, label_smoothing=0.1)
    assert victims.differences(copy, smoothed, digits, 5) == ["victim_label_smoothing"]


@pytest.mark.parametrize("change, seed, is_resumed", [
    ({"optimizer": "adam:learning_rate=1e-3"}, 5, True),
    ({}, 6, False),
    *[({name: value}, 5, False) for name, value in {
        "steps": 90, "seed": 2, "temperature": 2, "label_smoothing": .1}.items()],
])  # yapf: disable
def test_a_stopped_training_is_resumed_by_the_same_one_alone(change, seed, is_resumed, digits,
                                                             parts, tmp_path):
    config, strategy = victims.VictimConfig("mlp", steps=100), make_strategy("one_device")
    with pytest.raises(SystemExit):
        victims.train_victim(config, digits, parts, strategy, **Place(tmp_path).stop_after(50))
    config, counts = dataclasses.replace(config, **change), []
    victims.train_victim(config, digits, splits.split(digits, seed), strategy, counts.append,
                         Place(tmp_path).checkpoint)
    assert sum(counts) == config.steps and (len(counts) == 1) == is_resumed


def test_it_must_fit_the_data(saved, digits):
    fewer = dataclasses.replace(digits,
                                x=digits.x[digits.y < 9],
                                y=digits.y[digits.y < 9],
                                num_classes=9)
    wider = dataclasses.replace(digits, x=np.repeat(digits.x, 2, axis=2))
    changed = dataclasses.replace(digits, x=1 - digits.x)
    for dataset, split_seed, message in [
        (digits, 6, "split_seed must be 6. Received: 5"),
        (fewer, 5, "num_classes must be 9. Received: 10"),
        (wider, 5, r"input_shape must be \[8, 16, 1\]. Received: \[8, 8, 1\]"),
        (changed, 5, "dataset_fingerprint must be"),
    ]:  # yapf: disable
        with pytest.raises(ValueError, match=f"does not fit the data set digits: its {message}"):
            victims.load_victim(saved, dataset, split_seed)


def test_broken_files(copy, digits, victim):

    def refused(message):
        with pytest.raises(ValueError, match=message) as error:
            victims.load_victim(copy / "victim.keras", digits, 5)
        assert "\n" not in str(error.value)

    logits = keras.Model(victim.model.input, victim.logits)
    logits.save(copy / "victim.keras")
    refused("must end in a Softmax layer.* Received: Dense")
    other = keras.models.clone_model(victim.model)
    other.save(copy / "victim.keras")
    refused("has other weights than its .json file says")
    (copy / "victim.keras").write_bytes(b"PK not a Keras file")
    refused("is not a readable Keras file")
    (copy / "victim.json").write_text(json.dumps({**victim.record, "schema_version": 99}))
    refused("schema version 1 beside it")
    (copy / "victim.json").write_text("[1, 2")
    refused("which is not readable: JSONDecodeError")
    os.unlink(copy / "victim.keras")
    refused("which does not exist")


@pytest.mark.parametrize("change", [
    {"config": {}}, {"config": []}, {"config": {"architecture": 3}}, {"accuracy": None},
    {"accuracy": 3},
    {"fingerprint": None}, {"num_classes": None},
])  # yapf: disable
def test_a_record_made_by_hand_is_refused(copy, digits, victim, change):
    record = {**victim.record, **change}
    kept = {key: value for key, value in record.items() if value is not None}
    (copy / "victim.json").write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="complete as models.train writes it.*victim.json"):
        victims.load_victim(copy, digits, 5)


NETS = """
import keras

class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.classes, self.head = classes, keras.layers.Dense(classes)
        self.norm, self.flat = keras.layers.BatchNormalization(), keras.layers.Flatten()

    def call(self, inputs):
        return self.head(self.norm(self.flat(inputs)))

    def get_config(self):
        return {"classes": self.classes}

def build_model(shape, classes, seed):
    return Net(classes)
"""


def test_a_victim_of_a_users_own_architecture(digits, parts, tmp_path):
    nets = tmp_path / "nets.py"
    nets.write_text(NETS.replace("get_config", "other"))
    config = victims.VictimConfig(f"custom:file={nets}", steps=40)
    with pytest.raises(ValueError, match="must make a victim that Keras can save.*Net"):
        victims.train_victim(config, digits, parts, make_strategy("one_device"))
    nets.write_text(NETS)
    victim = victims.train_victim(config, digits, parts, make_strategy("one_device"))
    victims.save_victim(victim, tmp_path)
    loaded, x = victims.load_victim(tmp_path, digits, 5), parts.test.x
    assert loaded.record == victim.record and len(victim.record["architecture_digest"]) == 64
    np.testing.assert_allclose(loaded.probabilities(x), victim.probabilities(x), atol=1e-6)
    np.testing.assert_allclose(np.exp(loaded.log_probabilities(x)),
                               victim.probabilities(x),
                               atol=1e-6)
    assert not victims.differences(tmp_path, config, digits, 5)
    nets.write_text(NETS + "# Changed.")
    assert victims.differences(tmp_path, config, digits, 5) == ["architecture_digest"]
    with pytest.raises(ValueError, match="the file that built it.*nets.py, whose file has changed"):
        victims.load_victim(tmp_path, digits, 5)


@pytest.mark.parametrize("change, message", [
    ({"architecture": "resnet"}, "Unknown architecture 'resnet'"),
    ({"optimizer": "adam:momentum=1"}, "momentum"),
    ({"batch_size": 0}, "`batch_size` must be an integer of 1 or more. Received: batch_size=0"),
    ({"batch_size": True}, "`batch_size` must be an integer"),
    ({"steps": 1.5}, "`steps` must be an integer"),
    ({"seed": -1}, "`seed` must be an integer of 0 or more"),
    ({"label_smoothing": 1}, r"`label_smoothing` must be in \[0, 1\). Received: 1"),
    ({"label_smoothing": -0.1}, "`label_smoothing` must be in"),
    ({"label_smoothing": math.nan}, "`label_smoothing` must be in"),
    ({"temperature": 0}, "`temperature` must be a number above 0. Received: 0"),
    ({"temperature": math.inf}, "`temperature` must be a number above 0"),
    ({"temperature": "hot"}, "`temperature` must be a number above 0"),
])  # yapf: disable
def test_bad_config(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **change)


def test_integers_of_numpy_are_integers():
    config = victims.VictimConfig(batch_size=np.int64(5), steps=np.uint8(7), seed=np.int32(1))
    assert config == victims.VictimConfig(batch_size=5, steps=7, seed=1)
    assert json.loads(json.dumps(dataclasses.asdict(config)))["batch_size"] == 5


def test_versions_are_texts():
    assert set(versions()) == {"python", "tensorflow", "keras", "numpy", "revsig_keras"}
    assert all(isinstance(version, str) for version in versions().values())
