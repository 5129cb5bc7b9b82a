"""SavedModels that the first version exported answer as they did, and inspect as defended."""
import collections
import gzip
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import mark
from tests.compatibility.programs import run_all

MARKS = sorted((pathlib.Path(__file__).parent / "data" / "marks").glob("*.pb.gz"))
EXPORTS = pathlib.Path(__file__).parent / "data" / "exports"
INSPECTED = json.loads((EXPORTS / "inspected.json").read_text())
ROUNDING = 1e-6  # A few float32 steps: processors multiply matrices in another order.


@pytest.fixture(scope="module")
def inspected():
    """By the path of each SavedModel: exit status, output and messages."""
    return dict(zip(INSPECTED, run_all([("revsig_keras.inspect", "--json", path)
                                        for path in INSPECTED])))  # yapf: disable


def recorded():
    """Inputs and outputs by model, signature and side."""
    arrays = collections.defaultdict(lambda: collections.defaultdict(dict))
    with np.load(EXPORTS / "answers.npz") as file:
        for key, array in file.items():
            model, signature, side, tensor = key.split("|")
            arrays[model, signature][side][tensor] = array
    return arrays


@pytest.mark.parametrize("model, signature", recorded(), ids="-".join)
def test_answers_stay_as_they_were(model, signature):
    sides = recorded()[model, signature]
    function = tf.saved_model.load(str(EXPORTS / model)).signatures[signature]
    outputs = function(**{name: tf.constant(array) for name, array in sides["inputs"].items()})
    assert outputs.keys() == sides["outputs"].keys()
    for name, expected in sides["outputs"].items():
        if expected.dtype.kind == "S":
            assert outputs[name].numpy().tolist() == expected.tolist()
        else:
            np.testing.assert_allclose(outputs[name], expected, 0, ROUNDING, err_msg=name)


@pytest.mark.parametrize("path", INSPECTED)
def test_old_marks_inspect_as_defended(path, inspected):
    status, out, err = inspected[path]
    assert status == 0, err
    now = json.loads(out)
    assert {
        key: now[key] for key in ("schema_version", "path")
    } == {
        key: INSPECTED[path][key] for key in ("schema_version", "path")
    }
    described = {key: value for key, value in INSPECTED[path].items() if key == "outputs"}
    for before, output in zip(described["outputs"], now["outputs"], strict=True):
        assert {
            key: output[key] for key in before if key != "reason"
        } == {
            key: value for key, value in before.items() if key != "reason"
        }
        assert output["status"] in ("defended", "label")
    assert any(output["status"] == "defended" for output in now["outputs"])


@pytest.mark.parametrize("path", MARKS, ids=lambda path: path.name)
def test_old_marks_of_many_classes_are_known(path):
    """Where two of 100 flat classes nearly tie, they perturb rows that are now left as they are."""
    graph_def = tf.compat.v1.GraphDef.FromString(gzip.decompress(path.read_bytes()))
    name, = (name for name, one in graphs.library(graph_def).items() if mark.is_marked(one))
    assert mark.verify(graph_def, name).keeps_label == "by_construction"
