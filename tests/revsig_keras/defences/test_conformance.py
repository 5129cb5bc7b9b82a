"""One table of defences, and the checks that each of its rows must pass."""
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import revsig_keras
from revsig_keras import ConfidenceBuckets
from revsig_keras import Decoy
from revsig_keras import Defence
from revsig_keras import LabelOnly
from revsig_keras import RandomNoise
from revsig_keras import ReverseSigmoid
from revsig_keras import Rounding
from revsig_keras import TopK
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.testing import check_defence
from revsig_keras.testing.conformance import CHECKS
from revsig_keras.testing.rows import hostile_rows
from revsig_keras.testing.subject import Subject
from tests.revsig_keras import backends
from tests.revsig_keras.backends import as_numpy
from tests.revsig_keras.defences import strangers


def prior():
    layer = strangers.Prior()
    layer.adapt(hostile_rows(100, 10, 3))
    return layer


# Every member of `DEFENCES` at its defaults has a row, so a new defence needs none of its own.
ROWS = {
    name: lambda name=name: DEFENCES.make(name) for name in DEFENCES.names if name != "none"
} | {
    "reverse_sigmoid_strong": lambda: ReverseSigmoid(beta=1.9, gamma=0.1),
    "reverse_sigmoid_literal": lambda: ReverseSigmoid(preserve_top1=False),
    "reverse_sigmoid_logits": lambda: ReverseSigmoid(from_logits=True),
    "reverse_sigmoid_units": lambda: ReverseSigmoid(multi_label=True),
    "reverse_sigmoid_unit_logits": lambda: ReverseSigmoid(from_logits=True, multi_label=True),
    "rounding_fine": lambda: Rounding(decimals=4),
    "top_3": lambda: TopK(k=3),
    "random_noise_alone": lambda: RandomNoise(scale=1.0),
    "confidence_buckets_ordered": lambda: ConfidenceBuckets(ordered_classes=3),
    "confidence_buckets_unit_logits": lambda: ConfidenceBuckets(from_logits=True, multi_label=True),
    "decoy_logits": lambda: Decoy(decoys=1, from_logits=True),
    "of_the_readme": strangers.readme_defence,
}
STRANGERS = {
    "inverted": strangers.Inverted,
    "silent": strangers.Silent,
    "inverted_logits": strangers.InvertedLogits,
    "other_axis": strangers.OtherAxis,
    "coarse_units": strangers.CoarseUnits,
    "coarse_unit_logits": strangers.CoarseUnitLogits,
    "table": strangers.Table,
    "fitted": prior,
    "keyed": lambda: strangers.Keyed("a secret of the owner"),
}
FITTED = {"bits": 2, "classes": 10, "edges": [0.25], "confidences": [0.5, 0.9]}
# Of each class, a value other than the default for every argument of its constructor.
NON_DEFAULT = {
    ReverseSigmoid: {
        "beta": 0.7,
        "gamma": 0.4,
        "preserve_top1": False,
        "from_logits": True,
        "multi_label": True,
        "axis": 1,
        "apply_in_training": True
    },
    Rounding: {
        "decimals": 3,
        "apply_in_training": True
    },
    TopK: {
        "k": 4,
        "apply_in_training": True
    },
    LabelOnly: {
        "apply_in_training": True
    },
    RandomNoise: {
        "scale": 0.7,
        "seed": 12,
        "apply_in_training": True
    },
    ConfidenceBuckets: {
        "bits": 2,
        "ordered_classes": 4,
        "from_logits": True,
        "multi_label": True,
        "axis": 1,
        "state": FITTED,
        "apply_in_training": True
    },
    Decoy: {
        "bits": 2,
        "decoys": 3,
        "decimals": 1,
        "seed": 12,
        "from_logits": True,
        "axis": 1,
        "state": FITTED,
        "apply_in_training": True
    },
}

ALL = ROWS | STRANGERS
each_row = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


def test_every_public_defence_can_be_chosen():
    """And so has a row: a defence that somebody adds to any package is checked."""
    found = set()
    for module in pkgutil.walk_packages(revsig_keras.__path__, "revsig_keras."):
        members = vars(importlib.import_module(module.name))
        found |= {
            value for value in members.values() if inspect.isclass(value) and
            issubclass(value, Defence) and not value.__name__.startswith("_")
        }
    named = {type(DEFENCES.make(name)) for name in DEFENCES.names if name != "none"}
    assert found - {Defence, CodedDefence} == named >= set(NON_DEFAULT)


# These checks compile for seconds. Rows are quickly tried with the defaults of every member and
# each kind of head, gradients with maps that have one.
QUICK = {
    "rows": (*DEFENCES.names, "reverse_sigmoid_literal", "reverse_sigmoid_logits",
             "confidence_buckets_unit_logits", "of_the_readme", "inverted", "fitted"),
    "gradients": ("reverse_sigmoid", "reverse_sigmoid_logits", "of_the_readme"),
}


@pytest.mark.parametrize("check, name", [
    pytest.param(check, name, marks=() if name in QUICK.get(check, ALL) else pytest.mark.slow)
    for check in CHECKS
    for name in ALL
])
def test_every_defence_conforms(check, name):
    """To the checks that a user's own defences are held to."""
    if name in STRANGERS and check == "gradients":
        pytest.skip("The gradient of the rule is that of the README's defence")
    CHECKS[check](Subject(ALL[name]()))


@pytest.mark.parametrize("kind", NON_DEFAULT, ids=lambda kind: kind.__name__)
def test_every_argument_survives_a_clone(kind):
    """With a value other than its default."""
    parameters = inspect.signature(kind.__init__).parameters
    defaults = {
        key: value.default
        for key, value in parameters.items()
        if value.default is not inspect.Parameter.empty
    }
    options = NON_DEFAULT[kind]
    assert options.keys() == defaults.keys()
    assert all(options[key] != defaults[key] for key in options)
    layer = kind(**options, name="mine", dtype="mixed_bfloat16")
    clone = kind.from_config(layer.get_config())
    assert options.items() <= layer.get_config().items()
    assert clone.get_config() == layer.get_config()


@each_row
@backends.only_on("tensorflow", reason="No other backend has such graphs")
def test_a_graph_of_tensorflow_1_computes_the_same(make):
    """There, `==` of tensors is a question of identity."""
    import tensorflow as tf
    subject = Subject(make(), classes=6)
    if subject.layer.state and not isinstance(subject.layer, CodedDefence):
        pytest.skip("fitted to ten classes")
    inputs = np.concatenate([subject.hostile(40, 3), np.zeros(subject.shape(1), "float32")])
    expected = as_numpy(make()(inputs))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        placeholder = tf.compat.v1.placeholder(tf.float32, (None, *inputs.shape[1:]))
        got = session.run(make()(placeholder), {placeholder: inputs})
    np.testing.assert_allclose(got, expected, 1e-6)


@pytest.mark.parametrize("shape, remedy", [((4, 1), "Sigmoid heads are for `ReverseSigmoid`"),
                                           ((4, None), "last axis has a fixed size")])
def test_the_error_says_what_a_defence_expects(shape, remedy):
    with pytest.raises(ValueError, match=remedy):
        LabelOnly().compute_output_shape(shape)
    for dtype in ("int32", "bool"):
        with pytest.raises(ValueError, match=f"floating-point dtype.*{dtype}"):
            LabelOnly()(np.ones((2, 3), dtype))


@pytest.mark.parametrize("layer, check, reason", [
    (strangers.Liar(), "rows", "% of the labels are lost"),
    (strangers.Prior(), "training", "must be fitted before it is used"),
    (TopK(5), "shapes", "at most the number of classes"),
    (strangers.Forgetful(share=3.0), "copies", "`get_config` lacks what `perturb` uses"),
    (strangers.Drawn(), "copies", "the same rows have other answers"),
    (strangers.Late(), "refusals", "whether it accepts 2 classes depends on `training`"),
    (strangers.FourClasses(), "refusals",
     # The error of JAX is a `ValueError`, like a refusal that comes late.
     "whether it accepts 2 classes depends on `training`" if backends.NAME == "jax" else
     r"shape \(2, 2\) ends in .*refuse it in `check_input`"),
],
                         ids=["labels are lost", "not fitted", "too few classes", "forgetful",
                              "drawn", "late check", "no check"])  # yapf: disable
def test_a_defence_that_does_not_conform_is_told_why(layer, check, reason):
    """By the name of the first check that fails."""
    with pytest.raises(AssertionError, match=f"(?s)fails the check '{check}': .*{reason}"):
        check_defence(layer, classes=4)


@backends.only_on("tensorflow", reason="Others know the size of each batch")
def test_a_defence_that_needs_the_size_of_the_batch_is_told():
    """`predict` and `export` do not know it."""
    with pytest.raises(Exception, match=r"(?s)FixedBatch.*\(None, 10\)"):
        CHECKS["batches"](Subject(strangers.FixedBatch()))


@pytest.mark.parametrize("layer, classes", [(ConfidenceBuckets(bits=0), 2), (Decoy(decoys=1), 3),
                                            (LabelOnly(), 2)])  # yapf: disable
def test_a_defence_is_checked_on_few_classes(layer, classes):
    check_defence(layer, classes=classes)


def test_only_defences_are_checked():
    with pytest.raises(ValueError, match="`layer` must be a `revsig_keras.Defence`. Received: 3"):
        check_defence(3)
