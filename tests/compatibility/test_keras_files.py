"""`.keras` files of the first version load, and the models answer as they did.

To 1e-6, which is a few float32 steps of a probability: XLA and processors may sum a row in another
order. No row of the fixtures lies where a step of that size makes a rounded entry jump.
"""
import json
import pathlib

import keras
import numpy as np
import pytest

import revsig_keras

FILES = pathlib.Path(__file__).parent / "data" / "keras"
CONFIGS = json.loads((FILES / "configs.json").read_text())
ROUNDING = 1e-6

each_file = pytest.mark.parametrize("name", CONFIGS)


@pytest.fixture(scope="module")
def answers():
    with np.load(FILES / "answers.npz") as file:
        return dict(file)


def load(name):
    return keras.saving.load_model(FILES / f"{name}.keras")


def by_name(outputs):
    return outputs if isinstance(outputs, dict) else {"y": outputs}


@each_file
def test_answers_stay_as_they_were(name, answers):
    model, x = load(name), answers[f"{name}/x"]
    for key, output in by_name(model.predict(x, verbose=0)).items():
        np.testing.assert_allclose(output, answers[f"{name}/{key}"], 0, ROUNDING)
    if f"{name}/training" in answers:
        output = model(x, training=True)
        np.testing.assert_allclose(output, answers[f"{name}/training"], 0, ROUNDING)


@each_file
def test_the_configuration_stays_as_it_was(name):
    """A later version may add entries; those that were there keep their values."""
    model = load(name)
    is_defended = isinstance(model, revsig_keras.DefendedModel)
    defence = model.defence if is_defended else model.layers[-1]
    assert isinstance(defence, revsig_keras.Defence)
    config = json.loads(json.dumps(defence.get_config()))
    assert {key: config.get(key) for key in CONFIGS[name]} == CONFIGS[name]


def test_a_compiled_model_keeps_its_metrics(answers):
    results = load("compiled").evaluate(answers["compiled/x"],
                                        answers["compiled/labels"],
                                        verbose=0,
                                        return_dict=True)
    expected = {
        key.removeprefix("compiled/evaluate/"): value
        for key, value in answers.items()
        if key.startswith("compiled/evaluate/")
    }
    assert len(expected) == 4 and results.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(results[key], value, 1e-5, err_msg=key)


def test_every_file_is_tried():
    assert {path.stem for path in FILES.glob("*.keras")} == set(CONFIGS)
