"""How long a run takes to start."""
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import comparison

ROOT = pathlib.Path(__file__).parents[1]
BARE = ROOT / "benchmarks" / "peers" / "bare_start.py"
LIMIT = 1.25


def cases(quick: bool) -> list[comparison.Case]:
    """All rows of this file."""
    return [comparison.Case("start/quickstart", LIMIT, _starts, 0.0 if quick else 100.0)]


def _starts():
    return comparison.repeat_once(imported), comparison.repeat_once(lambda: call(str(BARE)))


def imported() -> list[str]:
    """The modules that the quickstart has until its first step is done, beside Keras' own."""
    with tempfile.TemporaryDirectory() as folder:
        said = call("-m", "benchmarks.first_step", "--flagfile=attacks/configs/quickstart.flags",
                    f"--output_dir={folder}/run")
    return json.loads(said)


def call(*arguments: str) -> str:
    """The last line of what another process of this Python prints.

    Raises:
        RuntimeError: If it fails.
    """
    result = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {result.stderr}")
    return result.stdout.splitlines()[-1] if result.stdout else ""
