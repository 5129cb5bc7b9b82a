"""Builders of small SavedModels of TensorFlow 1, as its tutorials and estimators wrote them."""
import os

import tensorflow as tf

from tests.serving import files
from tests.serving import linear

v1 = tf.compat.v1
TAGS = (("serve",), ("serve", "gpu"))


def resource_variables(path):
    """Classify names all classes beside the scores, in a fixed order, as estimators did."""
    all_classes = tuple(range(4))
    variables(path, lambda y: tf.zeros_like(y, tf.int64) + all_classes, use_resource=True)


def ref_variables(path):
    """Classify names the label alone beside the scores."""
    variables(path, lambda y: tf.argmax(y, -1)[:, tf.newaxis], use_resource=False)


def variables(path, classes, use_resource):
    """Classify and Predict share the scores; the names of the `classes` are in an asset."""
    with files.asset("labels.txt", linear.LABELS) as file, v1.Session(graph=tf.Graph()) as session:
        examples = v1.placeholder(tf.string, (None,), "examples")
        schema = {"features": tf.io.FixedLenFeature((linear.FEATURES,), tf.float32)}
        x = tf.identity(tf.io.parse_example(examples, schema)["features"], "features")
        y = tf.nn.softmax(logits(x, session, use_resource), name="scores")
        table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(file, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER,
                                          tf.string, tf.lookup.TextFileIndex.WHOLE_LINE), "")
        named = table.lookup(classes(y))
        classify = v1.saved_model.classification_signature_def(examples, named, y)
        save(path, session, {"serving_default": classify, "predict": predict(x, y)})


def estimator(path):
    """A classifier as an Estimator exported it: columns of any length, and the classes by row."""
    with v1.Session(graph=tf.Graph()) as session:
        examples = v1.placeholder(tf.string, (None,), "examples")
        column = tf.io.parse_example(examples, {"features": tf.io.VarLenFeature(tf.float32)})
        dense = tf.sparse.to_dense(column["features"])
        x = tf.reshape(dense, tf.stack([tf.shape(dense)[0], linear.FEATURES]))
        z = logits(x, session, use_resource=True)
        y = tf.nn.softmax(z)
        every = tf.tile(tf.as_string(tf.range(4))[tf.newaxis], [tf.shape(y)[0], 1])
        label = tf.argmax(z, -1)[:, tf.newaxis]
        outputs = {
            "probabilities": y,
            "logits": z,
            "class_ids": label,
            "classes": tf.as_string(label),
            "all_classes": every
        }
        save(
            path, session, {
                "serving_default": v1.saved_model.classification_signature_def(examples, every, y),
                "predict": v1.saved_model.predict_signature_def({"examples": examples}, outputs),
            })


def logits(x, session, use_resource):
    """Of variables that the checkpoint alone has right: their initial values are zeros."""
    kernel, bias = (trained(name, value, session, use_resource)
                    for name, value in zip(("kernel", "bias"), linear.weights(4)))
    return tf.linalg.matmul(x, kernel) + bias


def trained(name, value, session, use_resource):
    variable = v1.get_variable(name,
                               value.shape,
                               initializer=v1.zeros_initializer(),
                               use_resource=use_resource)
    session.run(variable.initializer, {variable.initializer.inputs[1]: value})
    return variable


def predict(x, y):
    return v1.saved_model.predict_signature_def({"features": x}, {"scores": y})


def save(path, session, signatures, text=False):
    builder = v1.saved_model.Builder(os.fspath(path))
    assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
    builder.add_meta_graph_and_variables(session, ["serve"],
                                         signatures,
                                         assets,
                                         main_op=v1.tables_initializer())
    builder.save(as_text=text)


def frozen(path, text=False):
    """Constants instead of variables, so there is nothing to restore."""
    with v1.Session(graph=tf.Graph()) as session:
        x = v1.placeholder(tf.float32, (None, linear.FEATURES), "features")
        kernel, bias = linear.weights(4)
        y = tf.nn.softmax(tf.linalg.matmul(x, kernel) + bias)
        save(path, session, {"serving_default": predict(x, y)}, text)


def text(path):
    """The frozen graph, written in the text format."""
    frozen(path, text=True)


def two_meta_graphs(path):
    """In one the number of classes is unknown, in the other even the rank; one checkpoint."""
    builder = v1.saved_model.Builder(os.fspath(path))
    for tags, shape in zip(TAGS, ((None, None), None)):
        with v1.Session(graph=tf.Graph()) as session:
            x = v1.placeholder(tf.float32, (None, linear.FEATURES), "features")
            y = tf.nn.softmax(logits(x, session, use_resource=True))
            y = v1.placeholder_with_default(y, shape)
            signatures = {"serving_default": predict(x, y)}
            if tags == TAGS[0]:
                builder.add_meta_graph_and_variables(session, tags, signatures)
            else:
                builder.add_meta_graph(tags, signatures)
    builder.save()
