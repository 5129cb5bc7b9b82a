"""The program `python -m models.train`."""
import os
import subprocess
import sys

from models import victim as victims
from models.data import loading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*flags):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    return subprocess.run([sys.executable, "-m", "models.train", *map(str, flags)],
                          cwd=ROOT,
                          env=environment,
                          capture_output=True,
                          text=True,
                          timeout=120)


def test_trains_once(tmp_path):
    flags = [
        f"--output_dir={tmp_path}", "--victim_steps=60", "--split_seed=3", "--distribution=mirrored"
    ]
    first = run(*flags)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"{tmp_path}/victim.keras: test accuracy 0.")
    assert first.stdout.count("\n") == 1
    # A quiet start: nothing but the progress bar.
    lines = filter(None, first.stderr.splitlines())
    assert all(line.startswith("training the victim:") for line in lines), first.stderr
    assert "60/60" in first.stderr
    victims.load_victim(tmp_path, loading.load("digits"), 3)

    again = run(*flags)
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")

    other = run(*flags, "--victim_seed=1")
    assert other.returncode == 1 and other.stdout == ""
    assert other.stderr == (f"error: {tmp_path} holds another victim, which is not overwritten "
                            "(it differs in victim_seed).\n")


def test_bad_input(tmp_path):
    """Other errors, of data and victims, are tested with `attacks.run`."""
    (tmp_path / "file").touch()
    result = run(f"--output_dir={tmp_path}/file/below")
    assert result.returncode == 1 and result.stdout == ""
    error = result.stderr.splitlines()[-1]
    assert error.startswith("error: ") and "Not a directory" in error
    assert "Traceback" not in result.stderr
