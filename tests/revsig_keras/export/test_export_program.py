"""`python -m revsig_keras.export`: what it writes, and what bad input gets."""
import os
import re

from absl import flags
import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.revsig_keras import classifiers
from tests.revsig_keras.programs import refused
from tests.revsig_keras.programs import REVERSE_SIGMOID
from tests.revsig_keras.programs import run
from tests.revsig_keras.programs import subprogram
from tests.serving import exports
from tests.serving import files
from tests.serving import linear
from tests.serving.saved_models import BROKEN
from tests.serving.saved_models import DEFAULT
from tests.serving.saved_models import SOURCES


def test_the_version_is_the_last_line(source_folder, tmp_path):
    """After what the model gives away; the next export is the next version."""
    for version in ("1", "2"):
        result = subprogram(f"--model={source_folder('v1_ref')}", f"--output={tmp_path / 'base'}",
                            f"--defence={exports.DEFENCE}")
        assert not result.returncode, result.stderr
        *_, limits, note, path = result.stdout.splitlines()
        assert path == str(tmp_path / "base" / version)
        assert result.stdout.count("defended  scores") == 1 and limits.startswith("Not excluded")
        assert "cannot be saved again by TensorFlow 2" in note
    assert exports.contents(tmp_path / "base" / "1") == exports.contents(tmp_path / "base" / "2")


def test_bad_input_is_exit_status_1_and_one_line(tmp_path):
    BROKEN["truncated_variables"](tmp_path / "model")
    result = subprogram(f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'base'}",
                        f"--defence={exports.DEFENCE}")
    assert result.returncode == 1 and not result.stdout
    line = result.stderr.splitlines()[-1]
    assert line == f"error: {tmp_path / 'model'} cannot be loaded: Read less bytes than requested"
    assert "Traceback" not in result.stderr
    assert os.listdir(tmp_path) == ["model"]


def test_a_flag_that_is_missing_is_named():
    with pytest.raises(flags.IllegalFlagValueError, match="--output must have a value"):
        run("--model=model")


# What the user is told of each that is broken, after the path.
TOLD = {
    "nothing": "--model must be .*model, which is not there",
    "file": "--model must be .*model, which is a file",
    "empty": "--model must be .*model, a folder with nothing in it",
    "no_pb": "--model must be .*model, a folder with .*variables",
    "empty_pb": "model is corrupt or truncated: there is no graph in it",
    "truncated_pb": "model is corrupt or truncated: its graph cannot be read",
    "garbage_pb": "model is corrupt or truncated: its graph cannot be read",
    "truncated_variables": "model cannot be loaded: Read less bytes than requested",
    "truncated_index": "model cannot be loaded: not an sstable",
    "no_index": "model cannot be loaded: .* not a valid checkpoint",
    "no_variables": "model cannot be loaded: .* not a valid checkpoint",
    "no_assets": "model cannot be loaded: .*vocabulary.txt; No such file",
    "no_signature": "there is no signature to be served. Received: .*model",
    "ref_truncated_variables": "model cannot be loaded: Read less bytes than requested",
    "ref_no_index": "model cannot be loaded: .* not a valid checkpoint",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told_and_leaves_nothing(name, tmp_path, capsys):
    BROKEN[name](tmp_path / "model")
    line = refused(capsys, f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'base'}",
                   f"--defence={exports.DEFENCE}")
    assert re.search(TOLD[name], line), line
    assert os.listdir(tmp_path) == (["model"] if name != "nothing" else [])


# By the model, the other flags, and what the user is told.
REFUSED = {
    "logits": ("module_logits", [REVERSE_SIGMOID],
               "serving_default/logits: .*--defence=reverse_sigmoid:from_logits=true.*Received: "
               "scores between"),
    "several labels": ("module_multi_label", [REVERSE_SIGMOID],
                       "--defence=reverse_sigmoid:multi_label=true.*Received: scores between"),
    "probabilities, said to be logits": ("module_text", [f"{REVERSE_SIGMOID}:from_logits=true"],
                                         "from_logits=True.*Received: scores between"),
    "labels only": ("module_labels_only", [REVERSE_SIGMOID],
                    r"floating-point.*Received: .*serving_default/labels \(int64, shape"),
    "several outputs": ("keras_two_outputs", [REVERSE_SIGMOID],
                        "--output_name must name.* Received: .*serve/embedding .*; serve/scores"),
    "an output that is not there": ("module_text", [REVERSE_SIGMOID, "--output_name=probs"],
                                    "Received: output_name='probs', where .*/scores"),
    "an output of integers": ("module", [REVERSE_SIGMOID, "--output_name=class label"],
                              "floating-point.*Received: output_name='class label'"),
    "to drop what is not there": ("module_text", [REVERSE_SIGMOID, "--drop_output=probs"],
                                  "--drop_output must name outputs of the model. Received: probs"),
    "to drop all there is": ("module_text", [REVERSE_SIGMOID, "--drop_output=scores"],
                             "--drop_output must leave an output. Received: scores"),
    "clean outputs": ("module_side_doors", [REVERSE_SIGMOID, "--output_name=scores"],
                      r"clean: logits \(signature logits, .*\); debug/0 .*by --drop_output, or, "),
    "no such defence": ("module_text", ["--defence=nothing"],
                        "Unknown defence 'nothing'.*Expected one of: .*reverse_sigmoid"),
    "no such option": ("module_text", ["--defence=reverse_sigmoid:alpha=1"],
                       "Unknown option 'alpha'.*takes: beta, gamma"),
    "an option out of range": ("module_text", ["--defence=reverse_sigmoid:beta=-1"],
                               "Invalid defence 'reverse_sigmoid:beta=-1'.*`beta` must"),
    "no grammar": ("module_text", ["--defence=a b"], "A member must be .*Received: 'a b'"),
    "the defence none":
        ("module_text", ["--defence=none"], "--defence must be a defence. Received: none"),
    "no defence": ("module_text", [], "--defence must be given, such as reverse_sigmoid"),
    "a defence for other heads": ("module_binary", ["--defence=rounding"],
                                  r"serving_default/probability: .*Received: shape=\(None, 1\)"),
    "no warm-up file": ("module_text", [REVERSE_SIGMOID, "--warmup=nothing.npy"],
                        "--warmup must be a readable .npy or .npz file.*nothing.npy"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_told_and_leaves_nothing(case, source_folder, tmp_path, capsys):
    name, options, told = REFUSED[case]
    line = refused(capsys, f"--model={source_folder(name)}",
                   f"--output={tmp_path / 'new' / 'base'}", *options)
    assert re.search(told, line), line
    assert not os.listdir(tmp_path)


def test_a_defended_model_is_refused(exported, tmp_path, capsys):
    line = refused(capsys, f"--model={exported('v1_ref').path}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert "defended already" in line and not os.listdir(tmp_path)


def test_other_files_of_keras_are_refused(tmp_path, capsys):
    (tmp_path / "model.h5").write_bytes(b"")
    line = refused(capsys, f"--model={tmp_path / 'model.h5'}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert "--model must be a readable .keras" in line


@pytest.mark.parametrize("activation", [None, "relu"])
def test_scores_of_a_keras_file_are_refused_in_one_line(activation, tmp_path, capsys):
    """Whether its configuration tells, or only its answers do."""
    classifiers.sequential(classifiers.dense(activation)).save(tmp_path / "model.keras")
    line = refused(capsys, f"--model={tmp_path / 'model.keras'}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert "--defence=reverse_sigmoid:from_logits=true" in line
    assert keras.config.is_traceback_filtering_enabled()
    assert os.listdir(tmp_path) == ["model.keras"]


def test_the_folder_of_the_versions_is_no_model(tmp_path, capsys):
    """The error shows what is in it."""
    SOURCES["v1_frozen"].build(tmp_path / "base" / "1")
    line = refused(capsys, f"--model={tmp_path / 'base'}", f"--output={tmp_path / 'out'}",
                   REVERSE_SIGMOID)
    assert "such as that of one version" in line and line.endswith("a folder with 1")


# What a SavedModel says of itself, and what is told of it if it does not hold.
INCONSISTENT = {
    "a tensor that is not there": (dict(name="nothing:0"), "serving_default fails: .*nothing"),
    "no tensor": (dict(name=""), "serving_default fails: .*not in the graph"),
    "another dtype": (dict(dtype=tf.float64.as_datatype_enum), "float64. Received: float32"),
    "a dtype that there is not": (dict(dtype=0), "is corrupt.*dtype. Received: 0"),
}


@pytest.mark.parametrize("case", INCONSISTENT)
def test_a_signature_that_does_not_hold(case, tmp_path, capsys):
    SOURCES["module_text"].build(tmp_path / "model")
    model = files.read(tmp_path / "model")
    info = model.meta_graphs[0].signature_def[DEFAULT].outputs["scores"]
    change, told = INCONSISTENT[case]
    for key, value in change.items():
        setattr(info, key, value)
    (tmp_path / "model" / files.PBTXT).unlink()
    (tmp_path / "model" / files.PB).write_bytes(model.SerializeToString())
    line = refused(capsys, f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert re.search(told, line), line
    assert os.listdir(tmp_path) == ["model"]


def test_an_operation_of_another_package_is_named(tmp_path, capsys):
    """With the option that imports its package, as models of text need tensorflow-text."""
    SOURCES["v1_frozen"].build(tmp_path / "model")
    model = files.read(tmp_path / "model")
    for node in model.meta_graphs[0].graph_def.node:
        if node.op in ("MatMul", "BiasAdd", "Add", "AddV2"):
            node.op = "Another>Operation"
    (tmp_path / "model" / files.PB).write_bytes(model.SerializeToString())
    line = refused(capsys, f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID)
    assert re.search("operation Another>Operation.*Import the package.*custom_objects=FILE", line)


# Numbers of dtypes: none, string, quantized, handles, packed, references, and none that exist.
@pytest.mark.parametrize("number", [0, 7, 11, 15, 20, 21, 26, 29, 107, 120, 999, 2**31 - 1])
def test_a_corrupt_dtype_of_an_input(number, tmp_path, capsys):
    """Whatever a signature says of an input, samples for it are refused in one line."""
    SOURCES["v1_frozen"].build(tmp_path / "model")
    model = files.read(tmp_path / "model")
    for signature in model.meta_graphs[0].signature_def.values():
        for info in signature.inputs.values():
            info.dtype = number
    (tmp_path / "model" / files.PB).write_bytes(model.SerializeToString())
    np.save(tmp_path / "samples.npy", linear.draw(3))
    line = refused(capsys, f"--model={tmp_path / 'model'}", f"--output={tmp_path / 'base'}",
                   REVERSE_SIGMOID, f"--warmup={tmp_path / 'samples.npy'}")
    assert re.search("--warmup must have the inputs|must have a dtype. Received: ", line), line
    assert not (tmp_path / "base").exists()


def test_flags_may_be_repeated(source_folder, tmp_path, capsys):
    run(f"--model={source_folder('module_top_k')}", f"--output={tmp_path / 'base'}",
        REVERSE_SIGMOID, "--output_name=probabilities", "--drop_output=top_values",
        "--allow_output=top_indices")
    assert re.search("clean +top_indices", capsys.readouterr().out)
    assert os.listdir(tmp_path / "base") == ["1"]


def test_an_estimator_needs_the_flags_that_the_first_message_tells(source_folder, tmp_path, capsys):
    """The classes that it names for each row are no leak."""
    model = [f"--model={source_folder('v1_estimator')}", f"--output={tmp_path / 'base'}"]
    line = refused(capsys, *model, REVERSE_SIGMOID)
    assert re.search("--output_name must.*--drop_output.*predict/logits", line), line
    run(*model, REVERSE_SIGMOID, "--output_name=predict/probabilities",
        "--drop_output=predict/logits")
    out = capsys.readouterr().out
    assert re.search("defended +scores", out) and re.search("label +all_classes", out)


def test_a_model_that_cannot_be_saved_again_is_told(source_folder, tmp_path, capsys):
    for name, told in (("v1_ref", True), ("v1_resource", False)):
        run(f"--model={source_folder(name)}", f"--output={tmp_path / name}", REVERSE_SIGMOID)
        assert ("cannot be saved again" in capsys.readouterr().out) == told


def test_what_was_not_tried_is_said(source_folder, tmp_path, capsys):
    run(f"--model={source_folder('module_examples')}", f"--output={tmp_path / 'base'}",
        REVERSE_SIGMOID)
    assert f"Not tried: {DEFAULT}/scores, for want of inputs." in capsys.readouterr().out
