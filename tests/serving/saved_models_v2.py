"""Builders of small SavedModels of TensorFlow 2, as somebody else would have written them."""
import keras
import tensorflow as tf

from tests.serving import files
from tests.serving import linear

TEMPERATURE = 0.5
TAGS = ("serve", "tuned")


def keras_model(path):
    """What Keras exports of a functional model."""
    inputs = keras.Input((linear.FEATURES,), name="features")
    export(inputs, scores(inputs), path)


def keras_two_outputs(path):
    """The scores, and the layer before them."""
    inputs = keras.Input((linear.FEATURES,), name="features")
    embedding = keras.layers.Rescaling(0.5)(inputs)
    doubled = keras.layers.Rescaling(2.0)(embedding)
    export(inputs, {"scores": scores(doubled), "embedding": embedding}, path)


def scores(inputs):
    return keras.layers.Dense(4, activation="softmax")(inputs)


def export(inputs, outputs, path):
    model = keras.Model(inputs, outputs)
    model.set_weights(linear.weights(4))
    model.export(path, verbose=False)


class Linear(tf.Module):
    """Makes logits of features; builders hang the functions to be saved onto it."""

    def __init__(self, classes=4):
        super().__init__()
        self.kernel, self.bias = map(tf.Variable, linear.weights(classes))

    def __call__(self, features):
        return tf.linalg.matmul(features, self.kernel) + self.bias


def floats(name="features", size=linear.FEATURES):
    return tf.TensorSpec((None, size), tf.float32, name)


def served(body, *specs):
    """A function to be saved; nothing in it needs AutoGraph."""
    return tf.function(body, input_signature=specs, autograph=False)


def one_signature(outputs, classes=4):
    """A builder of a module with one signature, whose `outputs` are made of the logits."""

    def build(path):
        model = Linear(classes)
        model.serve = served(lambda x: outputs(model(x)), floats())
        tf.saved_model.save(model, path, signatures=model.serve)

    return build


def softmax(dtype):
    return one_signature(lambda logits: {"scores": tf.nn.softmax(tf.cast(logits, dtype))})


def with_top_k(logits):
    """The best of the clean scores beside all of them."""
    y = tf.nn.softmax(logits)
    values, indices = tf.math.top_k(y, 2)
    return {"probabilities": y, "top_values": values, "top_indices": indices}


plain = softmax("float32")
top_k = one_signature(with_top_k)
binary = one_signature(lambda logits: {"probability": tf.nn.sigmoid(logits)}, classes=1)
multi_label = one_signature(lambda logits: {"probabilities": tf.nn.sigmoid(logits)})
only_logits = one_signature(lambda logits: {"logits": logits})
only_labels = one_signature(lambda logits: {"labels": tf.argmax(logits, -1)})


def names(path):
    """Names that Python cannot spell, two inputs, two signatures with the same scores."""
    model = Linear()

    def score(words, length):
        y = tf.nn.softmax(model(tf.concat([words, length], -1)))
        return {"probs/out": y, "class label": tf.argmax(y, -1)}

    model.score = served(score, floats("words-in", 4), floats("length-in-cm", 2))
    model.rate = served(lambda x: {"ratings": tf.nn.softmax(model(x))}, floats("rows"))
    tf.saved_model.save(model, path, {"serving_default": model.score, "rate/v2": model.rate})


def strings(path):
    """Words in, each looked up in an asset; out comes the label by its name."""
    model = Linear(classes=3)
    model.values = tf.Variable(linear.VALUES)
    model.names = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), linear.LABELS[:3]), "")

    def serve(words):
        y = tf.nn.softmax(model(tf.gather(model.values, model.vocabulary.lookup(words))))
        return {"scores": y, "label": model.names.lookup(tf.argmax(y, -1))}

    with files.asset("vocabulary.txt", linear.WORDS) as file:
        initializer = tf.lookup.TextFileInitializer(file, tf.string,
                                                    tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                                                    tf.lookup.TextFileIndex.LINE_NUMBER)
        model.vocabulary = tf.lookup.StaticHashTable(initializer, 0)
        model.serve = served(serve, tf.TensorSpec((None, linear.FEATURES), tf.string, "words"))
        tf.saved_model.save(model, path, signatures=model.serve)


def examples(path):
    """Serialized `tf.Example`s in; one that lacks the feature is an error."""
    model = Linear(classes=5)
    schema = {"features": tf.io.FixedLenFeature((linear.FEATURES,), tf.float32)}

    def serve(serialized):
        x = tf.io.parse_example(serialized, schema)["features"]
        return {"scores": tf.nn.softmax(model(x))}

    model.serve = served(serve, tf.TensorSpec((None,), tf.string, "examples"))
    tf.saved_model.save(model, path, signatures=model.serve)


def side_doors(path):
    """Every way round the scores of the default signature that a module can have."""
    model, inner = tf.Module(), Linear()
    model.inner = inner

    def serve(x):
        y = tf.nn.softmax(inner(x))
        return {"scores": y, "debug/0": tf.math.log(y)}

    model.serve = served(serve, floats())
    inner.serve = served(lambda x: {"scores": tf.nn.softmax(inner(x))}, floats())
    inner.logits = served(lambda x: {"logits": inner(x)}, floats())
    model.explain = served(lambda x: tf.nn.softmax(inner(x) / 2), floats())
    tf.saved_model.save(model,
                        path, {
                            "serving_default": model.serve,
                            "logits": inner.logits
                        },
                        options=tf.saved_model.SaveOptions(function_aliases={"fast": inner.serve}))


def defaults(path):
    """An input that may be left out, further tags, and warm-up requests."""
    model = Linear()

    def serve(features, temperature=tf.constant(TEMPERATURE)):
        return {"scores": tf.nn.softmax(model(features) / temperature)}

    model.serve = served(serve, floats(), tf.TensorSpec((), tf.float32, "temperature"))
    tf.saved_model.save(model, path, signatures=model.serve)
    files.set_tags(path, TAGS)
    files.add_warmup(path)


def text(path):
    """A module, written in the text format."""
    plain(path)
    files.to_text(path)


def no_signature(path):
    tf.saved_model.save(Linear(), path)
