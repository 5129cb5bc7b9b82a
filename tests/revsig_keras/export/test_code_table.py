"""An export with a coded defence has the table that its clients decode answers by."""
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import DefendedModel
from revsig_keras import make_defence
from revsig_keras import Rounding
from revsig_keras.export import export
from revsig_keras.export import ExportConfig
from revsig_keras.export import publish
from revsig_keras.saved_model.code_table import CODE_TABLE

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


def fitted(layer):
    rng = np.random.default_rng(0)
    layer.adapt(rng.dirichlet(np.full(5, 0.3), 500))
    return layer


@pytest.mark.parametrize("units, make, axis", [
    (5, lambda: fitted(ConfidenceBuckets()), None),
    (5, lambda: Decoy(1, decoys=1, from_logits=True), None),
    (1, lambda: ConfidenceBuckets(2), None),
    (5, lambda: ConfidenceBuckets(2, multi_label=True), None),
    (5, lambda: ConfidenceBuckets(2, ordered_classes=2, axis=1), 1),
], ids=["fitted", "logits", "unit", "multi_label", "axis"])  # yapf: disable
def test_a_model_writes_its_own_table(units, make, axis, tmp_path):
    """Each time that it is exported, also by way of `publish`, and after it was loaded."""
    layer = make()
    activation = None if layer.from_logits else "sigmoid" if units == 1 or axis is None and (
        layer.multi_label) else "softmax"
    inputs = keras.Input((6,))
    outputs = keras.layers.Dense(units, activation)(inputs)
    if axis is not None:
        outputs = keras.layers.Reshape((units, 1))(outputs)
    model = DefendedModel(keras.Model(inputs, outputs), layer)
    model.save(tmp_path / "model.keras")
    expected = layer.table(2 if layer.multi_label or units == 1 else units)
    for served in (model, keras.saving.load_model(tmp_path / "model.keras")):
        path = publish(tmp_path / "served", lambda folder: served.export(folder, verbose=False))
        assert json.loads((path / CODE_TABLE).read_text()) == expected


def test_a_table_goes_with_its_defence(tmp_path):
    """An export in the place of another leaves nothing of it."""
    classifier = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "softmax")])
    for layer, has_table in ((ConfidenceBuckets(), True), (Rounding(), False)):
        DefendedModel(classifier, layer).export(tmp_path / "model", verbose=False)
        assert (tmp_path / "model" / CODE_TABLE).exists() == has_table
