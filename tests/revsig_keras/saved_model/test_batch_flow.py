"""What depends on the number of rows alone, and what does not."""
import pytest
import tensorflow as tf

from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT

v1 = tf.compat.v1
NAMES = ("ant", "bee", "cat")


def rows(x):
    return tf.shape(x)[0]


def tiled(size):
    """As an Estimator names all classes for each row."""
    return tf.tile([NAMES], [size, 1])


def parsed(serialized):
    """A column of any length."""
    sparse = tf.io.parse_example(serialized, {"x": tf.io.VarLenFeature(tf.float32)})["x"]
    return sparse, tf.sparse.to_dense(sparse)


def reshaped(serialized):
    _, dense = parsed(serialized)
    return tf.reshape(dense, [rows(dense), -1])


def as_embedded(serialized):
    """The last steps of `safe_embedding_lookup_sparse`."""
    sparse, dense = parsed(serialized)
    shape = tf.concat([tf.slice(tf.cast(sparse.dense_shape, "int32"), [0], [1]), [3]], 0)
    return tf.nn.softmax(tf.reshape(tf.tile(dense[:, :1], [1, 3]), shape) + 1.0)


def mapped(x):
    """Row by row, as images are decoded."""
    return tf.map_fn(lambda row: 2 * row, x)


def grown(x):
    """A list that gets as many entries as the data say."""
    array = tf.TensorArray(tf.float32, 0, dynamic_size=True)
    return tf.while_loop(lambda i, _: i < tf.cast(x[0, 0], "int32"), lambda i, a:
                         (i + 1, a.write(i, 1.0)), [0, array])[1].stack()


def appended(x):
    """Rows are added, as often as the data say."""
    return tf.while_loop(lambda i, _: i < tf.cast(x[0, 0], "int32"),
                         lambda i, rows: (i + 1, tf.pad(rows, [[0, 1], [0, 0]])),
                         [0, tf.zeros((1, 2))],
                         shape_invariants=[tf.TensorShape(()),
                                           tf.TensorShape((None, 2))])[1]


def swapped(x):
    """Two tensors change places, as often as the data say."""
    return tf.while_loop(lambda i, *_: i < tf.cast(x[0, 0], "int32"),
                         lambda i, a, b: (i + 1, tf.identity(b), tf.identity(a)),
                         [0, tf.zeros(2), tf.zeros(3)],
                         shape_invariants=[tf.TensorShape(()), *[tf.TensorShape((None,))] * 2])[1]


def lists():
    """Two of them, of other lengths."""
    scalar = tf.zeros(0, "int32")
    return [
        tf.raw_ops.TensorListFromTensor(tensor=tf.zeros(size), element_shape=scalar)
        for size in (2, 3)
    ]


def chosen(x):
    short, long = lists()
    return tf.raw_ops.Select(condition=x[0, 0] > 0, x=short, y=long)


def stacked(handle):
    return tf.raw_ops.TensorListStack(input_handle=handle,
                                      element_shape=tf.zeros(0, "int32"),
                                      element_dtype=tf.float32)


def as_column(x, size=None):
    """The shape of a sparse column, reshaped as in the linear model of an Estimator."""
    column = tf.sparse.from_dense(mapped(x))
    size = column.dense_shape[0] if size is None else size
    shape = tf.raw_ops.SparseReshape(input_indices=column.indices,
                                     input_shape=column.dense_shape,
                                     new_shape=tf.stack([size, -1])).output_shape
    return tf.cast(shape, "int32")


def reshaped_like(shape, end, x):
    """As `safe_embedding_lookup_sparse` does it with some data."""
    data = tf.boolean_mask(x, x[:, 0] > 0)
    return tf.reshape(data, tf.concat([tf.slice(shape, [0], [end]), tf.shape(data)[1:]], 0))


ROWS = {
    "parsed": lambda s, x: tiled(rows(parsed(s)[1])),
    "sparse shape": lambda s, x: tiled(tf.cast(parsed(s)[0].dense_shape[0], "int32")),
    "reshaped": lambda s, x: tiled(rows(reshaped(s))),
    "mapped": lambda s, x: tiled(rows(mapped(reshaped(s)))),
    "mapped twice": lambda s, x: tiled(rows(mapped(mapped(x)))),
    "mapped bytes": lambda s, x: tiled(
        rows(tf.map_fn(lambda row: tf.io.decode_raw(row, "uint8"), s, tf.uint8))),
    "as a column": lambda s, x: tiled(rows(reshaped_like(as_column(x), 1, x))),
    "listed": lambda s, x: tiled(rows(tf.TensorArray(tf.float32, 3).unstack(x).stack())),
    "embedded": lambda s, x: tiled(rows(as_embedded(s))),
    "matmul": lambda s, x: tiled(rows(tf.matmul(reshaped(s), tf.ones((2, 2))))),
    "expanded": lambda s, x: tiled(rows(tf.expand_dims(reshaped(s), -1))),
    "concatenated": lambda s, x: tiled(rows(tf.concat([reshaped(s), reshaped(s)], 1))),
    "sums": lambda s, x: tiled(rows(tf.reduce_sum(reshaped(s), 1))),
    "zeros": lambda s, x: tf.fill([rows(parsed(s)[1])], 0.5),
    "gathered": lambda s, x: tiled(rows(tf.gather(NAMES, tf.argmin(reshaped(s), 1)))),
    "stacked": lambda s, x: tiled(rows(tf.zeros(tf.stack([rows(parsed(s)[1]), 2])))),
}  # yapf: disable
DATA = {
    "where": lambda s, x: tiled(rows(tf.where(x > 0))),
    "unique": lambda s, x: tiled(rows(tf.unique(x[:, 0]).y)),
    "masked": lambda s, x: tiled(rows(tf.boolean_mask(x, x[:, 0] > 0))),
    "columns": lambda s, x: tiled(tf.shape(parsed(s)[1])[1]),
    "mapped columns": lambda s, x: tiled(tf.shape(mapped(parsed(s)[1]))[1]),
    "mapped values": lambda s, x: mapped(x),
    "mapped masked rows": lambda s, x: tiled(rows(mapped(tf.boolean_mask(x, x[:, 0] > 0)))),
    "grown list": lambda s, x: tiled(rows(grown(x))),
    "list of a length of data": lambda s, x: tiled(
        rows(tf.TensorArray(tf.float32, tf.cast(x[0, 0], "int32"), element_shape=()).stack())),
    "appended rows": lambda s, x: tiled(rows(appended(x))),
    "column of as many rows as fit": lambda s, x: tiled(
        rows(reshaped_like(as_column(x, tf.constant(-1, "int64")), 1, x))),
    "column of as many rows as data say": lambda s, x: tiled(
        rows(reshaped_like(as_column(x, tf.cast(x[0, 0], "int64")), 1, x))),
    "shape of a length of data": lambda s, x: tiled(
        rows(reshaped_like(as_column(x), tf.cast(x[0, 0], "int32"), x))),
    "swapped": lambda s, x: tiled(rows(swapped(x))),
    "chosen list": lambda s, x: tiled(rows(stacked(chosen(x)))),
    "list of lists": lambda s, x: tiled(
        rows(stacked(tf.gather(tf.stack(lists()), tf.cast(x[0, 0], "int32"))))),
    "zeros of a chosen list": lambda s, x: tf.raw_ops.TensorListLength(
        input_handle=tf.zeros_like(chosen(x))),
    "values": lambda s, x: tiled(rows(parsed(s)[0].values)),
    "second size": lambda s, x: tiled(tf.cast(parsed(s)[0].dense_shape[1], "int32")),
    "last size": lambda s, x: tiled(tf.shape(parsed(s)[1])[-1]),
    "transposed": lambda s, x: tiled(rows(tf.transpose(parsed(s)[1]))),
    "sums of columns": lambda s, x: tiled(rows(tf.reduce_sum(parsed(s)[1], 0))),
    "transposed product": lambda s, x: tiled(
        rows(tf.matmul(parsed(s)[1], tf.ones((1, 2)), transpose_a=True))),
    "squeezed": lambda s, x: tiled(rows(tf.squeeze(parsed(s)[1], [0]))),
    "columns of masked rows": lambda s, x: tiled(
        rows(tf.gather(tf.boolean_mask(x, x[:, 0] > 0), [0], axis=1))),
    "one row": lambda s, x: tiled(rows(parsed(s)[1][0])),
    "from a row on": lambda s, x: tiled(
        rows(tf.strided_slice(x, [tf.cast(x[0, 0], "int32")], [0], [1], end_mask=1))),
    "up to a row": lambda s, x: tiled(
        rows(tf.strided_slice(x, [0], [tf.cast(x[0, 0], "int32")], [1], begin_mask=1))),
    "stacked along": lambda s, x: tiled(rows(tf.stack([parsed(s)[0].values] * 2, 1))),
    "size at a place of data": lambda s, x: tiled(tf.shape(x)[tf.cast(x[0, 0], "int32")]),
    "flattened": lambda s, x: tiled(rows(tf.reshape(parsed(s)[1], [-1]))),
    "minus one and a size": lambda s, x: tiled(
        rows(tf.reshape(parsed(s)[1], tf.stack([-1, rows(parsed(s)[1])])))),
    "column of masked rows": lambda s, x: tiled(
        rows(tf.slice(tf.boolean_mask(x, x[:, 0] > 0), [0, 0], [-1, 1]))),
    "reshaped by data": lambda s, x: tiled(
        rows(tf.reshape(x, [tf.cast(tf.reduce_max(x), "int32"), -1]))),
    "minus one of data": lambda s, x: tiled(
        rows(tf.reshape(parsed(s)[1], tf.concat([tf.shape(x)[:0], [-1]], 0)))),
    "joined": lambda s, x: tiled(rows(tf.concat([x, tf.boolean_mask(x, x[:, 0] > 0)], 0))),
    "repeated": lambda s, x: tiled(rows(tf.tile(x, [tf.cast(x[0, 0], "int32"), 1]))),
    "sliced": lambda s, x: tiled(rows(x[:tf.cast(x[0, 0], "int32")])),
    "filled": lambda s, x: tf.fill([tf.cast(x[0, 0], "int32")], 0.5),
    "first row": lambda s, x: x[0],
    "gathered by a scalar": lambda s, x: tiled(
        rows(tf.gather(tf.transpose(tf.where(x > 0.5)), 0))),
    "gathered from masked columns": lambda s, x: tiled(
        rows(tf.gather(tf.transpose(tf.boolean_mask(x, x[:, 0] > 0)), tf.constant(1)))),
    "bytes of a scalar": lambda s, x: tiled(
        rows(tf.io.decode_raw(tf.strings.as_string(tf.reduce_max(x)), "uint8"))),
    "segments": lambda s, x: tiled(
        rows(tf.math.segment_sum(x, tf.cast(x[:, 0], "int32")))),
}  # yapf: disable


@pytest.fixture(params=["graph", "function"])
def origins(request):
    """Of what is made of serialized examples and of numbers, in a graph or inside a function."""

    def follow(make):
        with tf.Graph().as_default() as graph:
            serialized = v1.placeholder(tf.string, (None,))
            x = v1.placeholder(tf.float32, (None, None))
            if request.param == "function":
                make = tf.function(make, autograph=False)
            made = tf.identity(make(serialized, x), "made")
        return DataFlow(graph.as_graph_def()).of_tensor(made.name)

    return follow


@pytest.mark.parametrize("case", ROWS)
def test_the_number_of_rows_is_no_data(case, origins):
    assert not origins(ROWS[case])


@pytest.mark.parametrize("case", DATA)
def test_what_depends_on_data_is_found(case, origins):
    assert INPUT in origins(DATA[case])


def test_following_a_graph_does_not_change_it():
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, (None, 2))
        made = tiled(rows(tf.matmul(x, tf.ones((2, 2)))))
    graph_def = graph.as_graph_def()
    before = graph_def.SerializeToString(deterministic=True)
    DataFlow(graph_def).of_tensor(made.name)
    assert graph_def.SerializeToString(deterministic=True) == before
