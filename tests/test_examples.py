"""Every example runs, ends in seconds, and does what it says."""
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np

from revsig_keras import DefendedModel

ROOT = pathlib.Path(__file__).parents[1]


def run_example(name, *arguments, cwd):
    """Runs an example as a user does and returns what it prints."""
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, arguments)]
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    result = subprocess.run(command,
                            cwd=cwd,
                            env=environment,
                            capture_output=True,
                            text=True,
                            timeout=120,
                            check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_defend_a_model(tmp_path):
    """No label changes, the probabilities do, and what it writes can be loaded."""
    output = run_example("defend_a_model.py", tmp_path, cwd=tmp_path)
    assert float(re.search(r"Accuracy: (.*)%", output).group(1)) > 90
    assert "changed: 0 of 540" in output
    clean, served = (np.float64(line.split(":")[1].split())
                     for line in output.splitlines()
                     if re.search(r":( +\d\.\d\d){10}$", line))
    assert clean.argmax() == served.argmax()
    assert abs(clean - served).sum() > 0.5
    assert isinstance(keras.saving.load_model(tmp_path / "defended.keras"), DefendedModel)
    assert (tmp_path / "served" / "saved_model.pb").exists()


def test_choose_strength(tmp_path):
    """The limit holds, the defence costs calibration and no accuracy."""
    output = run_example("choose_strength.py", tmp_path / "frontier.png", cwd=tmp_path)
    chosen, = (line.split() for line in output.splitlines() if line.endswith("*"))
    assert 0.49 < float(chosen[3]) <= 0.5
    assert re.search(r"^revsig_keras.ReverseSigmoid\(beta=.*, gamma=.*\)$", output, re.M)
    (clean, clean_ece), (served, served_ece) = re.findall(r"accuracy (.*), calibration error (.*)",
                                                          output)
    assert clean == served and float(clean) > 0.9 and float(served_ece) > float(clean_ece)
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")


def test_examples_are_short():
    """A user reads them first."""
    for path in (ROOT / "examples").glob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path
