"""Classifiers of keras-hub, small and untrained: text as strings, and images."""
import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import ReverseSigmoid
from revsig_keras.export import CostLimits
from revsig_keras.export import export
from revsig_keras.export import ExportConfig

# To build a transformer takes seconds.
pytestmark = pytest.mark.slow
WORDS = "a bad film good is not story the this very".split()
TEXTS = np.array([f"{a} {b} film is {c}" for a in WORDS[:4] for b in WORDS[4:8] for c in WORDS[8:]])
IMAGES = np.random.default_rng(0).uniform(0, 255, (32, 16, 16, 3)).astype("float32")
SIZES = dict(num_layers=1, num_heads=2, hidden_dim=8)


def bert(hub, preprocessor=True):
    pytest.importorskip("tensorflow_text", reason="tensorflow-text is not installed")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = hub.models.BertTokenizer(vocabulary=vocabulary)
    backbone = hub.models.BertBackbone(vocabulary_size=len(vocabulary),
                                       intermediate_dim=16,
                                       max_sequence_length=8,
                                       **SIZES)
    preparation = hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=8)
    return hub.models.BertTextClassifier(backbone,
                                         4,
                                         preprocessor=preparation if preprocessor else None)


def vit(hub, preprocessor=True):
    backbone = hub.models.ViTBackbone((16, 16, 3), patch_size=8, mlp_dim=16, **SIZES)
    converter = hub.layers.ViTImageConverter(image_size=(16, 16), scale=1 / 255)
    preparation = hub.models.ViTImageClassifierPreprocessor(converter)
    return hub.models.ViTImageClassifier(backbone,
                                         4,
                                         preprocessor=preparation if preprocessor else None)


TASKS = {
    "text": (bert, TEXTS, lambda: keras.Input((), dtype="string")),
    "images": (vit, IMAGES, lambda: keras.Input((16, 16, 3))),
}


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    """A task with its preprocessor, what it is called with, and a model of both."""
    hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")
    make, rows, make_input = TASKS[request.param]
    keras.utils.set_random_seed(0)
    made = make(hub)
    # Without training, answers to all rows are nearly the same.
    made.output_dense.kernel.assign(100 * made.output_dense.kernel)
    made.output_dense.bias.assign(-made.predict(rows, verbose=0).mean(0))
    inputs = make_input()
    return made, rows, keras.Model(inputs, made(made.preprocessor(inputs)))


def labels(task, rows):
    return task.predict(rows, verbose=0).argmax(-1)


def served_labels(path, rows):
    signature = tf.saved_model.load(path).signatures["serving_default"]
    name, = signature.structured_input_signature[1]
    scores, = signature(**{name: tf.constant(rows)}).values()
    np.testing.assert_allclose(tf.reduce_sum(scores, -1), 1, 1e-5)
    return scores.numpy().argmax(-1)


def test_a_task_is_refused_with_the_model_to_make_of_it(task):
    with pytest.raises(ValueError, match="`preprocessor`.*keras.Model"):
        DefendedModel(task[0], ReverseSigmoid(from_logits=True))


def test_a_model_of_both_is_defended_and_exported(task, tmp_path):
    made, rows, model = task
    defended = DefendedModel(model, ReverseSigmoid(from_logits=True))
    expected = labels(made, rows)
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(np.argmax(defended(tf.constant(rows)), -1), expected)
    defended.export(tmp_path / "model", verbose=False)
    np.testing.assert_array_equal(served_labels(tmp_path / "model", rows), expected)


@pytest.mark.parametrize("kind", ["model.keras", "folder"])
def test_what_both_are_saved_as_is_exported_with_a_chosen_strength(kind, task, tmp_path):
    made, rows, model = task
    if kind == "folder":
        model.export(tmp_path / kind, verbose=False)
    elif rows is TEXTS:
        pytest.skip("Keras makes the graph of a file before it loads the vocabulary")
    else:
        model.save(tmp_path / kind)
    np.savez(tmp_path / "x.npz", x=rows)
    exported = export(
        ExportConfig(tmp_path / kind,
                     tmp_path / "base",
                     "reverse_sigmoid:from_logits=true",
                     inputs=tmp_path / "x.npz",
                     limits=CostLimits(max_l1=0.5)))
    np.testing.assert_array_equal(served_labels(exported.path, rows), labels(made, rows))
