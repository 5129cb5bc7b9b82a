"""The wrapper: what it serves, what it trains, and what its files give away."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from revsig_keras import DefendedModel
from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from tests.programs import run
from tests.tables import some_quick

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.random.default_rng(1).integers(4, size=64)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """Without an input layer or a declared output shape."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dropout = keras.layers.Dropout(0.5, seed=0)
        self.dense = keras.layers.Dense(4, activation="softmax")

    def call(self, inputs, training=False):
        return self.dense(self.dropout(inputs, training=training))


def functional(activation="softmax"):
    inputs = keras.Input((6,), name="pixels")
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    hidden = keras.layers.Dropout(0.5, seed=0)(hidden)
    return keras.Model(inputs, keras.layers.Dense(4, activation=activation)(hidden))


def sequential(*first):
    head = keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(seed=1))
    return keras.Sequential(
        [*first, keras.layers.Dropout(0.5, seed=0), head,
         keras.layers.Softmax()])


MAKERS = {
    "functional": functional,
    "sequential": lambda: sequential(keras.Input((6,), name="pixels")),
    "unbuilt": sequential,
    "subclassed": Subclassed,
    "logits_with_softmax": lambda: keras.Sequential([functional(None),
                                                     keras.layers.Softmax()]),
    "function_softmax": lambda: softmax_operation(functional(None)),
    "layer": lambda: keras.layers.Dense(4, activation="softmax"),
}
each_model = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def softmax_operation(model):
    """A functional model whose last operation is no layer."""
    return keras.Model(model.input, keras.ops.softmax(model.output))


def numpy(tensor):
    return tensor.numpy()


@each_model
def test_it_serves_defended_probabilities(make):
    """By call and by predict; in training the wrapped model is called in training, undefended."""
    model = make()
    defended = DefendedModel(model, ReverseSigmoid(beta=1.5))
    output = defended.predict(X, verbose=0)
    clean = numpy(model(X))
    np.testing.assert_allclose(output, ReverseSigmoid(beta=1.5)(clean), 1e-6)
    np.testing.assert_allclose(output, defended(X), 1e-6)
    np.testing.assert_array_equal(output.argmax(1), clean.argmax(1))
    assert abs(output - clean).max() > 0.01
    if make is not MAKERS["layer"]:
        trained = numpy(defended(X, training=True))
        assert not np.allclose(trained, clean)  # Dropout is on.
        assert not np.allclose(trained, output)
    assert defended.compute_output_shape((None, 6)) == (None, 4)
    assert defended(keras.Input((6,))).shape == (None, 4)


def test_no_defence_named_means_reverse_sigmoid():
    """There is no undefended `DefendedModel`, and `None` does not mean a defence."""
    assert DefendedModel(functional()).defence.get_config()["beta"] == 1.0
    for none in (None, make_defence("none")):
        with pytest.raises(ValueError, match="serve the model itself.*Received: defence=None"):
            DefendedModel(functional(), none)


@pytest.mark.parametrize(
    "change", [lambda config: config.pop("defence"), lambda config: config.update(defence=None)])
def test_a_config_without_a_defence_is_that_of_the_default(change):
    """Older versions took `None` for it."""
    config = DefendedModel(functional()).get_config()
    change(config)
    defence = DefendedModel.from_config(config).defence
    assert defence.get_config()["beta"] == ReverseSigmoid().beta


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@each_model
def test_a_reloaded_model_is_bit_equal(make, suffix, tmp_path):
    """Wrapped model, defence and name; also when saved before its first call, if it is built."""
    defended = DefendedModel(make(), ReverseSigmoid(beta=0.7, preserve_top1=False), name="served")
    if not defended.built:
        defended(X)
    defended.save(tmp_path / f"model{suffix}")
    reloaded = keras.saving.load_model(tmp_path / f"model{suffix}")
    assert reloaded.defence.get_config() == defended.defence.get_config()
    assert reloaded.name == "served"
    np.testing.assert_array_equal(reloaded(X), defended(X))


def two_heads():
    inputs = keras.Input((6,))
    label = keras.layers.Dense(4, activation="softmax")(inputs)
    return keras.Model(inputs, {"label": label, "size": keras.layers.Dense(1)(inputs)})


@pytest.mark.slow
def test_a_fresh_process_is_bit_equal(tmp_path):
    """That imports the package only, and goes on training where this one stopped."""
    one = DefendedModel(functional(), ReverseSigmoid(gamma=0.3))
    one.compile("sgd", "sparse_categorical_crossentropy")
    one.fit(X, Y, epochs=1, verbose=0)
    models = {"one": one, "two": DefendedModel(two_heads(), output="label")}
    for name, model in models.items():
        model.save(tmp_path / f"{name}.keras")
    np.save(tmp_path / "x.npy", X)
    program = ("import keras, numpy as np, revsig_keras\n"
               "one, two = (keras.saving.load_model(f'{name}.keras') for name in ('one', 'two'))\n"
               "assert int(one.optimizer.iterations.numpy()) == 2\n"
               "x = np.load('x.npy')\n"
               "np.savez('out.npz', one=one.predict(x, verbose=0), **two.predict(x, verbose=0))\n")
    (tmp_path / "program.py").write_text(program)
    result = run(tmp_path / "program.py", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    two = models["two"].predict(X, verbose=0)
    with np.load(tmp_path / "out.npz") as fresh:
        for name, expected in {"one": one.predict(X, verbose=0), **two}.items():
            np.testing.assert_array_equal(fresh[name], expected)


def reachable(thing, seen):
    """Everything that can be had from a loaded SavedModel by attribute, key or index."""
    if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type(None), np.ndarray)):
        return
    seen[id(thing)] = thing
    yield thing
    children = list(getattr(thing, "__dict__", {}).values())
    if isinstance(thing, (list, tuple, set)):
        children += list(thing)
    elif hasattr(thing, "items"):
        children += [value for _, value in thing.items()]
    children += list(getattr(thing, "concrete_functions", ()))
    module = type(thing).__module__
    if module.startswith(("tensorflow.python.framework.ops", "tensorflow.python.eager.context")):
        return
    for child in children:
        yield from reachable(child, seen)


def answers(function, inputs):
    """The arrays that a callable gives for the inputs, in whatever way they may be passed."""
    for call in (lambda: function(inputs), lambda: function(pixels=inputs),
                 lambda: function([inputs]), lambda: function(inputs, training=True),
                 lambda: function(inputs, True, None)):
        try:
            result = call()
        except Exception:  # pylint: disable=broad-except
            continue
        yield from (np.asarray(leaf) for leaf in tf.nest.flatten(result) if tf.is_tensor(leaf))


def gives_away(path, clean):
    """How many answers of all that can be called in a SavedModel are `clean`, and of how many."""
    loaded = tf.saved_model.load(str(path))
    found = total = 0
    callables = [
        thing for thing in reachable(loaded, {})
        if isinstance(thing, (tf.types.experimental.PolymorphicFunction,
                              tf.types.experimental.ConcreteFunction)) or type(thing).__name__ in (
                                  "RestoredFunction", "_WrapperFunction")
    ]
    for function in callables:
        for answer in answers(function, tf.constant(X)):
            total += 1
            found += answer.shape == clean.shape and np.abs(answer - clean).max() < 1e-3
    return found, total


@pytest.mark.parametrize(
    "name",
    some_quick(["functional", "sequential", "subclassed", "logits_with_softmax"],
               ["functional", "subclassed"]))
def test_an_export_gives_no_clean_probabilities(name, tmp_path):
    """Neither probabilities nor logits, by any signature, function or attribute."""
    model = MAKERS[name]()
    defended = DefendedModel(model)
    output = defended.predict(X, verbose=0)
    defended.export(tmp_path / "served", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    assert set(loaded.signatures) == {"serve", "serving_default"}
    np.testing.assert_allclose(loaded.serve(X), output, 1e-6)
    found, total = gives_away(tmp_path / "served", numpy(model(X)))
    assert (found, total > 3) == (0, True)
    if name == "logits_with_softmax":
        assert gives_away(tmp_path / "served", numpy(model.layers[0](X)))[0] == 0


def test_the_walk_finds_a_side_door(tmp_path):
    """So the test above can fail: an attribute that nobody named as a signature is found."""
    model = functional()
    module = tf.Module()
    module.inner = tf.Module()
    module.inner.clean = tf.function(lambda pixels: model(pixels),
                                     input_signature=[tf.TensorSpec((None, 6), name="pixels")])
    module.variables_ = model.variables
    tf.saved_model.save(module, str(tmp_path / "leaky"), signatures={})
    assert gives_away(tmp_path / "leaky", numpy(model(X)))[0] > 0


@pytest.mark.parametrize("make", some_quick(MAKERS, ("subclassed",)))
def test_a_model_that_was_used_before_it_was_wrapped_can_be_exported(make, tmp_path):
    """Whatever kind it is; also after a reload."""
    model = make()
    model(X)
    defended = DefendedModel(model)
    output = defended(X)
    if make in (MAKERS["subclassed"], MAKERS["unbuilt"]):
        defended.save(tmp_path / "defended.keras")
        defended = keras.saving.load_model(tmp_path / "defended.keras")
        defended(X)
    defended.export(tmp_path / "served", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(loaded.serve(X), output, 1e-6)


@pytest.mark.parametrize("name, built, inputs", [
    ("functional", False, "pixels"),
    ("sequential", False, "pixels"),
    ("subclassed", True, None),
    ("unbuilt", True, None),
])
def test_an_export_served_without_python_gives_the_same(name, built, inputs, tmp_path):
    """By the loader that TF Serving has; inputs are named as those of the wrapped model."""
    defended = DefendedModel(MAKERS[name]())
    if built:
        defended(X)
    defended.export(tmp_path / "served", verbose=False)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(tmp_path / "served"))
        signature = meta.signature_def["serving_default"]
        (key, tensor), = signature.inputs.items()
        assert inputs is None or key == inputs
        output, = session.run([value.name for value in signature.outputs.values()],
                              {tensor.name: X})
    assert [dim.size for dim in tensor.tensor_shape.dim] == [-1, 6]
    np.testing.assert_allclose(output, defended.predict(X, verbose=0), 1e-6)


def test_named_inputs_keep_their_names(tmp_path):
    """Of a model with a dictionary of inputs."""
    inputs = {name: keras.Input((3,), name=name) for name in ("left", "right")}
    outputs = keras.layers.Dense(4, "softmax")(keras.layers.Concatenate()(list(inputs.values())))
    defended = DefendedModel(keras.Model(inputs, outputs))
    x = {"left": X[:, :3], "right": X[:, 3:]}
    output = defended.predict(x, verbose=0)
    assert defended.compute_output_shape({"left": (None, 3), "right": (None, 3)}) == (None, 4)
    defended.export(tmp_path / "served", verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(next(iter(serve.signatures["serving_default"](**x).values())),
                               output, 1e-6)
    defended.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.saving.load_model(tmp_path / "model.keras").predict(x, verbose=0), output)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_under_a_dtype_policy(policy):
    """The wrapped model gets its inputs as it would without the wrapper; no label changes."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((6,), dtype="float32")
        hidden = keras.layers.Dense(8, activation="relu")(inputs)
        logits = keras.layers.Dense(4)(hidden)
        model = keras.Model(inputs, keras.layers.Softmax(dtype="float32")(logits))
        defended = DefendedModel(model)
        kept = DefendedModel(model, ReverseSigmoid(dtype="float32"))
    finally:
        keras.config.set_dtype_policy(previous)
    clean = numpy(model(X))
    assert keras.backend.standardize_dtype(defended(X).dtype) == defended.defence.compute_dtype
    output = tf.cast(defended(X), "float64").numpy()
    np.testing.assert_array_equal(output.argmax(1), clean.argmax(1))
    assert kept(X).dtype == "float32"
    np.testing.assert_allclose(kept(X), ReverseSigmoid(dtype="float32")(clean), 1e-6)


def test_what_cannot_be_defended_is_refused():
    """With the remedy."""
    for model in (None, "model.keras", lambda x: x, keras.layers.Dense):
        with pytest.raises(ValueError, match="`model` must be a Keras model or layer"):
            DefendedModel(model)
    for defence in ("reverse_sigmoid", ReverseSigmoid, keras.layers.Softmax(), 1.0):
        with pytest.raises(ValueError, match=r"`defence` must be .*`ReverseSigmoid\(beta=1.0\)`"):
            DefendedModel(functional(), defence)
    defended = DefendedModel(functional())
    for model in (defended, keras.Sequential([functional(), ReverseSigmoid()]),
                  keras.Sequential([keras.Input((6,)), defended])):
        with pytest.raises(ValueError, match="applied once only"):
            DefendedModel(model)
