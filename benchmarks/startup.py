"""How long a run takes to start, and the quickstart as a whole."""
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import comparison

ROOT = pathlib.Path(__file__).parents[1]
BARE = ROOT / "benchmarks" / "peers" / "bare_quickstart.py"
QUICKSTART = "--flagfile=attacks/configs/quickstart.flags"
LIMIT = 1.25


def cases(quick: bool) -> list[comparison.Case]:
    """All rows of this file; the whole takes minutes, and is left out of a quick measurement."""
    start = comparison.Case("start/quickstart", LIMIT, _starts, 0.0 if quick else 100.0)
    return [start] if quick else [start, comparison.Case("whole/quickstart", None, _wholes, 0.0)]


def _starts():
    return comparison.repeat_once(imported), comparison.repeat_once(_bare("first_step"))


def _wholes():
    return comparison.repeat_once(_quickstart), comparison.repeat_once(_bare("whole"))


def _bare(what):
    return lambda: call(str(BARE), what)


def _quickstart():
    with tempfile.TemporaryDirectory() as folder:
        call("-m", "attacks.run", QUICKSTART, f"--output_dir={folder}/run")


def imported() -> list[str]:
    """The modules that the quickstart has until its first step is done, beside Keras' own."""
    with tempfile.TemporaryDirectory() as folder:
        said = call("-m", "benchmarks.first_step", QUICKSTART, f"--output_dir={folder}/run")
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
