"""Nothing gets past the analysis by branches, by state, by what is fed or by what is broken."""
import pytest
import tensorflow as tf

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.data_flow import LABEL
from revsig_keras.saved_model.data_flow import STATE
from tests.revsig_keras.saved_model.graphs_to_follow import defend
from tests.revsig_keras.saved_model.graphs_to_follow import each_kind
from tests.revsig_keras.saved_model.graphs_to_follow import flow_of
from tests.revsig_keras.saved_model.graphs_to_follow import follow
from tests.revsig_keras.saved_model.graphs_to_follow import v1


def sure(t):
    return t["scores"][0, 0] > 0.5


def merged(t):
    """A branch of TensorFlow 1: its constants know of the condition by control inputs alone."""
    no, yes = tf.raw_ops.Switch(data=sure(t), pred=sure(t))
    values = []
    for value, branch in enumerate((no, yes)):
        with tf.control_dependencies([tf.identity(branch)]):
            values.append(tf.constant(value))
    return tf.raw_ops.Merge(inputs=values)


def counted(t):
    """A loop of TensorFlow 1, whose counter is constant but for when it ends."""
    start = tf.raw_ops.Enter(data=tf.constant(0), frame_name="loop")
    turn = tf.raw_ops.Merge(inputs=[start, start])
    limit = tf.raw_ops.Enter(data=1000 * t["scores"][0, 0], frame_name="loop", is_constant=True)
    go_on = tf.raw_ops.LoopCond(input=tf.cast(turn.output, "float32") < limit)
    end, body = tf.raw_ops.Switch(data=turn.output, pred=go_on)
    turn.output.op._update_input(1, tf.raw_ops.NextIteration(data=body + 1))
    return tf.raw_ops.Exit(data=end)


BRANCHES = {
    "cond": lambda t: tf.cond(sure(t), lambda: 1, lambda: 0),
    "switch_case": lambda t: tf.switch_case(tf.cast(sure(t), "int32"), [lambda: 1, lambda: 0]),
    "while": lambda t: tf.while_loop(lambda i: tf.cast(i, "float32") < t["scores"][0, 0],
                                     lambda i: [i + 1], [tf.constant(0)])[0],
    "merge": lambda t: merged(t).output,
    "which was merged": lambda t: merged(t).value_index,
    "loop of TensorFlow 1": counted,
    "where": lambda t: tf.where(sure(t), 1, 0),
    "map": lambda t: tf.map_fn(lambda y: tf.argmax(y, -1), t["scores"], tf.int64),
    "defence in a branch": lambda t: tf.cond(sure(t), lambda: defend(t["scores"]),
                                             lambda: t["scores"]),
}  # yapf: disable


@pytest.mark.parametrize("name", BRANCHES)
def test_branches_and_loops_depend_on_all_that_they_see(name):
    """Even where each branch is harmless."""
    assert follow(BRANCHES[name]) >= {INPUT, STATE}


def test_control_inputs_carry_no_data():

    def make(t):
        with tf.control_dependencies([t["scores"]]):
            return tf.constant(1) + 1

    assert follow(make) == set()


def array_of(y):
    """A tensor as loops of TensorFlow 1 pass it on."""
    array = tf.raw_ops.TensorArrayV3(size=1, dtype=y.dtype)
    written = tf.raw_ops.TensorArrayWriteV3(handle=array.handle,
                                            index=0,
                                            value=y,
                                            flow_in=array.flow)
    return tf.raw_ops.TensorArrayReadV3(handle=array.handle,
                                        index=0,
                                        flow_in=written,
                                        dtype=y.dtype)


# What is left in the state by a request that runs it, and whether it may be of the inputs.
STORES = {
    "assign": (lambda t, s: s["variable"].assign(t["scores"]), True),
    "assign_add": (lambda t, s: s["variable"].assign_add(t["scores"]), True),
    "scatter": (lambda t, s: s["variable"].scatter_nd_update([[0]], t["scores"][:1]), True),
    "insert": (lambda t, s: s["table"].insert(["a"], t["scores"][0, :1]), True),
    "branch": (lambda t, s: tf.cond(sure(t), lambda: s["variable"].assign(t["scores"])[0, 0],
                                    lambda: 0.0), True),
    "function": (lambda t, s: tf.function(s["variable"].assign)(t["scores"]), True),
    "file": (lambda t, s: tf.io.write_file("y", tf.strings.as_string(t["scores"][0, 0])), True),
    "queue": (lambda t, s: s["queue"].enqueue(t["scores"][0]), True),
    "read": (lambda t, s: s["variable"].read_value() + t["scores"], False),
    "lookup": (lambda t, s: s["table"].lookup(tf.strings.as_string(t["scores"])), False),
    "print": (lambda t, s: tf.print(t["scores"]), False),
    "array": (lambda t, s: array_of(t["scores"]), False),
    "nothing": (lambda t, s: t["scores"], False),
}  # yapf: disable


@pytest.mark.parametrize("name", STORES)
def test_what_writes_to_the_state_is_known(name):
    make, expected = STORES[name]
    with each_kind() as (graph, tensors):
        state = {
            "variable": tf.Variable(tf.zeros((1, 3)), shape=(None, 3)),
            "table": tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, 0.0),
            "queue": v1.FIFOQueue(3, [tf.float32], [(3,)])
        }
        made = make(tensors, state)
        operation = made if isinstance(made, tf.Operation) else made.op
        with tf.control_dependencies([operation]):
            output = tf.constant(1) + 1
        assert flow_of(graph).tensors_store([output.name]) == expected


def table_of(t):
    """A table that is made of constants, and may hold scores."""
    table = tf.raw_ops.MutableDenseHashTableV2(empty_key=-1, deleted_key=-2, value_dtype=tf.float32)
    return tf.raw_ops.LookupTableFindV2(table_handle=table, keys=[0], default_value=0.0)


# What is computed from constants alone, and whether the state is in it.
ANSWERS = {
    "table": (table_of, True),
    "file": (lambda t: tf.io.read_file("y"), True),
    "checkpoint": (lambda t: tf.raw_ops.RestoreV2(
        prefix="y", tensor_names=["y"], shape_and_slices=[""], dtypes=[tf.float32])[0], True),
    "stage": (lambda t: tf.raw_ops.MapPeek(key=0, indices=[0], dtypes=[tf.float32])[0], True),
    "file in a branch": (lambda t: tf.cond(tf.constant(True), lambda: tf.io.read_file("y"),
                                           lambda: ""), True),
    "branch": (lambda t: tf.cond(tf.constant(True), lambda: 1, lambda: 2), False),
    "random": (lambda t: tf.random.uniform((3,)), False),
    "checked": (lambda t: tf.raw_ops.CheckNumerics(tensor=[1.0], message=""), False),
    "array": (lambda t: array_of(tf.constant(1.0)), False),
    "constant": (lambda t: tf.constant(1) + 1, False),
}  # yapf: disable


@pytest.mark.parametrize("name", ANSWERS)
def test_what_reads_the_state_is_known(name):
    """Also where all inputs of the operation are constants."""
    make, expected = ANSWERS[name]
    assert follow(make) == ({STATE} if expected else set())


def test_an_operation_of_reference_variables_writes():
    """TensorFlow does not call it stateful."""
    with tf.Graph().as_default() as graph:
        variable = v1.get_variable("v", (3,), use_resource=False)
        assigned = v1.assign(variable, tf.zeros(3))
        flow = flow_of(graph)
        assert flow.tensors_store([assigned.name])
        assert not flow.tensors_store([tf.identity(variable).name])


def test_a_function_stores_what_it_is_given_and_not_what_it_is_bound_to():
    with tf.Graph().as_default() as graph:
        variable = tf.Variable((1.0, 2.0))
        tf.function(lambda x: variable.assign(x).read_value(), autograph=False)(tf.zeros(2))
        flow = flow_of(graph)
        name, = graphs.library(graph.as_graph_def())
    assert flow.function_stores(name, bound=1)
    assert not flow.function_stores(name, bound=2)


def test_what_is_fed_is_an_input_whatever_it_is():
    """In TensorFlow 1 a request may take the place of any tensor."""
    with tf.Graph().as_default() as graph:
        x = tf.constant([[1.0, 2.0]], name="x")
        y, axis = tf.nn.softmax(x), tf.constant(-1)
        label = tf.argmax(y, axis)
        assert flow_of(graph).of_tensor(y.name) == set()
        assert flow_of(graph, fed=["x:0"]).of_tensor(y.name) == {INPUT}
        assert flow_of(graph, fed=["x:0"]).of_tensor(label.name) == {LABEL}
        assert INPUT in flow_of(graph, fed=["x:0", axis.name]).of_tensor(label.name)


def changed(make, change):
    """`follow` of a graph that was changed by hand."""
    with each_kind() as (graph, tensors):
        made = make(tensors).name
        graph_def = graph.as_graph_def(add_shapes=True)
    change(graph_def, made)
    return DataFlow(graph_def).of_tensor(made)


@pytest.mark.parametrize("part", ["input", "output"])
def test_of_a_call_that_does_not_fit_what_it_calls_nothing_is_certain(part):
    """Without an input, or of an output that there is not."""
    function = tf.function(lambda: tf.constant([1.0]) + tf.function(tf.identity)(tf.constant(1.0)))
    graph_def = function.get_concrete_function().graph.as_graph_def()
    call, = (node for node in graph_def.node if node.op == "PartitionedCall")
    tensor = f"{call.name}:{7 if part == 'output' else 0}"
    assert not DataFlow(graph_def).of_tensor(f"{call.name}:0")
    if part == "input":
        del call.input[:]
    assert DataFlow(graph_def).of_tensor(tensor) == {INPUT}
    assert DataFlow(graph_def).computed_by(tensor) in (None, "Placeholder", "PartitionedCall")


@pytest.mark.parametrize("part", ["nothing", "input", "body"])
def test_of_a_loop_that_does_not_fit_its_body_nothing_is_certain(part):

    def change(graph_def, made):
        loop, = (node for node in graph_def.node if node.op == "StatelessWhile")
        if part == "input":
            del loop.input[0]
        elif part == "body":
            loop.attr["body"].func.name = "no such"

    found = changed(lambda t: tf.shape(tf.map_fn(lambda row: 2 * row, t["features"]))[0], change)
    assert found == (set() if part == "nothing" else {INPUT})


def test_of_a_graph_with_a_missing_node_nothing_is_certain():

    def cut(graph_def, made):
        index, = (i for i, node in enumerate(graph_def.node) if node.name == "missing")
        del graph_def.node[index]

    assert changed(lambda t: tf.constant(1, name="missing") + 1, cut) == {INPUT}
    assert changed(lambda t: tf.constant(1, name="missing"), cut) == {INPUT}


@pytest.mark.parametrize("make, expected", [(lambda t: tf.argmax(t["scores"], -1), {INPUT, STATE}),
                                            (lambda t: tf.constant(1), {STATE})])
def test_an_operation_that_is_not_known_depends_on_all_its_inputs(make, expected):
    """Without any, on something that it keeps."""

    def rename(graph_def, made):
        node, = (node for node in graph_def.node if node.name == made.split(":")[0])
        node.op = "SomebodyElses"

    assert changed(make, rename) == expected


@tf.function(autograph=False)
def once(x):
    return tf.constant(1) + 0 * tf.cast(tf.argmax(x, -1), "int32")


def recur(graph_def, made):
    """Makes the function call itself where it took the argmax."""
    function, = (one for one in graph_def.library.function if "_once_" in one.signature.name)
    node, = (node for node in function.node_def if node.op == "ArgMax")
    node.CopyFrom(graphs.call(node.name, function, node.input[:1]))


def test_a_function_that_calls_itself_depends_on_all_that_it_takes():
    assert follow(lambda t: once(t["scores"])) == {LABEL}
    assert changed(lambda t: once(t["scores"]), recur) == {INPUT, STATE}


def test_a_function_that_is_nothing_but_a_call_of_itself_is_computed_by_nothing():

    def endless(graph_def, made):
        recur(graph_def, made)
        function, = (one for one in graph_def.library.function if "_once_" in one.signature.name)
        function.ret[function.signature.output_arg[0].name] = "ArgMax:output:0"
        assert DataFlow(graph_def).computed_by(made) is None

    assert changed(lambda t: once(t["scores"]), endless) == {INPUT, STATE}


def test_a_function_whose_outputs_are_lists_is_not_looked_into():
    """They cannot be told apart by their index."""

    def lists(graph_def, made):
        function, = (one for one in graph_def.library.function if "_once_" in one.signature.name)
        function.signature.output_arg[0].number_attr = "N"

    assert changed(lambda t: once(t["scores"]), lists) == {INPUT, STATE}


@tf.function(autograph=False)
def both(x):
    return tf.nn.sigmoid(x), tf.identity(tf.nn.softmax(x))


COMPUTED = {
    "Softmax": lambda t: t["scores"],
    "Sigmoid": lambda t: both(t["features"])[0],
    "Placeholder": lambda t: tf.identity(t["features"]),
    "MatMul": lambda t: tf.cast(tf.identity_n([t["features"], t["features"] @ t["weights"]])[1],
                                "float16"),
    "Const": lambda t: tf.constant(1),
}  # yapf: disable


@pytest.mark.parametrize("operation", COMPUTED)
def test_what_computes_a_tensor(operation):
    """Through copies and calls."""
    with each_kind() as (graph, tensors):
        made = COMPUTED[operation](tensors)
        assert flow_of(graph).computed_by(made.name) == operation


def test_what_computes_the_second_output_of_a_call():
    with each_kind() as (graph, tensors):
        made = tf.identity(both(tensors["features"])[1])
        assert flow_of(graph).computed_by(made.name) == "Softmax"
        assert flow_of(graph).computed_by("no_such:0") is None
