"""An export with a coded defence has the table that its clients decode answers by."""
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import make_defence
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.export.code_table import CODE_TABLE

HEADS = {"softmax.keras": (5, "softmax"), "unit.keras": (1, "sigmoid"), "exported": (5, "softmax")}


@pytest.fixture(name="models", scope="module")
def fixture_models(tmp_path_factory):
    """The folder of classifiers: two Keras files and a SavedModel."""
    folder = tmp_path_factory.mktemp("models")
    for name, head in HEADS.items():
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(*head)])
        if name.endswith(".keras"):
            model.save(folder / name)
        else:
            model.export(folder / name, verbose=False)
    return folder


@pytest.mark.parametrize("name, text", [
    ("softmax.keras", "confidence_buckets:bits=2"),
    ("softmax.keras", "decoy:bits=1:decoys=1"),
    ("unit.keras", "confidence_buckets:bits=2"),
    ("exported", "decoy:bits=1:decoys=1"),
])
def test_the_table_is_that_of_the_layer(models, name, text, tmp_path):
    path = export(ExportConfig(models / name, tmp_path / "served", text)).path
    table = json.loads((path / CODE_TABLE).read_text())
    units = HEADS[name][0]
    assert table == make_defence(text).table(max(2, units))
    x = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    loaded = tf.saved_model.load(path)
    serve = loaded.signatures["serving_default"]
    argument, = serve.structured_input_signature[1]
    answers, = (output.numpy() for output in serve(**{argument: tf.constant(x)}).values())
    answers = answers if units > 1 else np.concatenate([1 - answers, answers], axis=1)
    off = np.abs(answers.max(axis=1)[:, None] - table["label_shares"]).min(axis=1)
    assert (off < table["tolerance"]).all()


def test_other_defences_have_none(models, tmp_path):
    path = export(ExportConfig(models / "softmax.keras", tmp_path / "served", "rounding")).path
    assert not (path / CODE_TABLE).exists()
