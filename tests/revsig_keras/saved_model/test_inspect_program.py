"""`python -m revsig_keras.inspect`: what it prints, and its exit status."""
import json

from absl import flags
import pytest

from revsig_keras import inspect as program
from revsig_keras.cli.program import guarded
from revsig_keras.saved_model.inspection import LIMITS
from tests.revsig_keras.programs import subprogram
from tests.serving.saved_models import BROKEN


def run(*arguments):
    """In this process; returns the message of the exit, `None` if all is well."""
    values = flags.FlagValues()
    program.define_flags(values)
    _, *paths = values(["inspect", *map(str, arguments)])
    try:
        guarded(lambda *names: program.main(*names, values), ["DIR"], paths)
    except SystemExit as stop:
        return stop.code
    return None


def test_the_program(source_folder, exported, capsys):
    """Exit status 0 if nothing is clean, else 1, and then the last line says what is."""
    result = subprogram(exported("v1_ref").path, name="inspect")
    assert result.returncode == 0, result.stderr
    assert "defended  scores: float32 (None, 4), by ReverseSigmoid" in result.stdout
    assert result.stdout.endswith(LIMITS + "\n")
    line = run(source_folder("v1_ref"))
    assert line.startswith("error: 2 outputs are clean: signature predict: scores, ")
    assert "clean     scores" in capsys.readouterr().out


def test_json_has_it_all(source_folder, capsys):
    """Of clean models too; nothing else is printed."""
    path = source_folder("module_side_doors")
    assert run("--json", path).startswith("error: ")
    record = json.loads(capsys.readouterr().out)
    assert record["path"] == str(path) and record["limits"] == LIMITS
    kinds = {output["where"].split()[0] for output in record["outputs"]}
    assert kinds == {"signature", "attribute", "alias"}
    for output in record["outputs"]:
        assert set(output) == {"where", "name", "dtype", "shape", "status", "reason", "tags"}


def test_an_output_is_allowed_by_its_name_or_in_one_place(exported):
    """It stays clean; an attribute is a place of its own."""
    path = exported("keras_two_outputs").path
    assert "2 outputs are clean: signature serve: embedding, " in run(path)
    assert "1 outputs are clean: signature serve: " in run(
        path, "--allow_output=serving_default/embedding")
    assert run(path, "--allow_output=embedding") is None
    assert run(path, "--allow_output=serve/embedding",
               "--allow_output=serving_default/embedding") is None


@pytest.mark.parametrize(
    "name",
    [name for name in BROKEN if name in ("nothing", "file", "empty") or name.endswith("_pb")])
def test_where_there_is_no_graph_one_line_says_so(name, tmp_path, capsys):
    BROKEN[name](tmp_path / "model")
    line = run(tmp_path / "model")
    assert line.startswith("error: ") and len(line.splitlines()) == 1
    assert str(tmp_path / "model") in line and not capsys.readouterr().out


@pytest.mark.parametrize("folders", [[], ["a", "b"]], ids=["none", "two"])
def test_one_folder_is_expected(folders):
    assert run(*folders).startswith("error: besides flags, 1 arguments are expected (DIR)")
