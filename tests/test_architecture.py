"""Who may import whom, and who may read flags; the imports are parsed, not run."""
import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# In this order, each package may import those before it.
PACKAGES = ("revsig_keras", "models", "attacks", "benchmarks")
# Their `__main__` part may hand the flags to the flag modules.
PROGRAMS = {
    "attacks/run.py", "attacks/plot.py", "benchmarks/attacks.py", "benchmarks/figures.py",
    "benchmarks/layer.py", "benchmarks/oracles.py", "benchmarks/serving.py", "models/train.py",
    "models/tune.py", "revsig_keras/export/__main__.py", "revsig_keras/inspect.py",
    "revsig_keras/tune.py", "revsig_keras/cli/tuning.py"
}
LIBRARY_IMPORTS = {"keras", "numpy", "revsig_keras"}
STANDARD = {
    "collections", "concurrent", "contextlib", "dataclasses", "functools", "inspect", "itertools",
    "math", "numbers", "os", "pathlib", "random", "re", "types", "typing", "warnings"
}
# What is not part of the library as it is imported: programs, and figures on request.
OWN_IMPORTS = {
    "cli/startup.py": {"collections", "contextlib", "gc", "os", "sys", "tempfile"},
    "inspect.py": {"absl", "sys"},
    "cli/flags.py": {"absl"},
    "cli/messages.py": {"logging", "sys"},
    "cli/program.py": {"absl", "logging", "sys"},
    "cli/tuning.py": {"absl", "json"},
    "strength/figure.py": {"matplotlib"},
    "tune.py": {"absl", "zipfile", "zlib"},
}

FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())


def imports(path):
    """The dotted names of all that a file imports, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@each_file
def test_packages_import_in_one_direction(path):
    """benchmarks -> attacks -> models -> revsig_keras, and nothing back, nor tests nor examples."""
    package = path.relative_to(ROOT).parts[0]
    forbidden = {*PACKAGES[PACKAGES.index(package) + 1:], "tests", "examples"}
    assert not forbidden & {name.split(".")[0] for name in imports(path)}


@each_file
def test_flags_are_read_in_flag_modules_only(path):
    """From there on a frozen config is passed."""
    allowed = path.name == "flags.py" or path.relative_to(ROOT).as_posix() in PROGRAMS
    assert allowed or not [name for name in imports(path) if name.startswith("absl.flags")]


LIBRARY = ROOT / PACKAGES[0]
# The only part of it that needs TensorFlow: SavedModels are its own.
SAVED_MODELS = {LIBRARY / "saved_model", LIBRARY / "export"}


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.is_relative_to(LIBRARY) and not SAVED_MODELS & {*path.parents}],
    ids=lambda path: path.name)
def test_the_library_imports_keras_and_numpy(path):
    """No backend, so that it runs on each."""
    roots = {name.split(".")[0] for name in imports(path)}
    assert roots <= LIBRARY_IMPORTS | STANDARD | OWN_IMPORTS.get(
        path.relative_to(LIBRARY).as_posix(), set())


def test_importing_the_library_imports_neither_flags_nor_figures():
    """And the metrics and the layers need nothing but Keras and NumPy."""
    code = ("import sys, keras; before = set(sys.modules); import revsig_keras\n"
            "print(*{name.split('.')[0] for name in set(sys.modules) - before})\n"
            "print(*(name for name in sys.modules if name.startswith('revsig_keras.')))")
    result = subprocess.run([sys.executable, "-c", code],
                            cwd=ROOT,
                            capture_output=True,
                            text=True,
                            check=True)
    roots, modules = (line.split() for line in result.stdout.splitlines()[-2:])
    assert not {"absl", "matplotlib", "sklearn", "tensorflow"} & set(roots)
    own = {f"revsig_keras.{name.removesuffix('.py').replace('/', '.')}" for name in OWN_IMPORTS}
    own -= {"revsig_keras.cli.startup"}  # It is imported first, and does nothing here.
    assert not own & set(modules)


def test_files_are_found():
    """So the tests above check something."""
    assert len(FILES) > 8
