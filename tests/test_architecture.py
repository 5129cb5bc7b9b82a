"""What import-linter does not hold: who reads flags, and what importing the library imports.

The contracts between and inside the packages are in setup.cfg; `.ci/run` checks them.
"""
import ast
import importlib
import pathlib
import subprocess
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("revsig_keras", "models", "attacks", "benchmarks")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
# They declare flags for the programs that share them, or name flags in error messages.
FLAG_MODULES = ("flags.py", "tuning.py", "program.py")


def imports(path):
    """The dotted names that a file imports, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_flags_are_read_in_programs_and_flag_modules_only():
    """All other code receives frozen dataclasses."""
    readers = [
        path for path in FILES if any(name.startswith("absl.flags") for name in imports(path))
    ]
    assert readers
    for path in readers:
        is_program = 'if __name__ == "__main__":' in path.read_text()
        assert is_program or path.name in FLAG_MODULES, path


@pytest.mark.parametrize("house, most", [("revsig_keras", 12), ("models", 12), ("attacks", 8)])
def test_the_top_of_a_house_has_few_files(house, most):
    assert 3 < len(list((ROOT / house).glob("*.py"))) <= most


def test_importing_the_library_imports_neither_flags_nor_figures():
    """The metrics and the layers need Keras and NumPy alone."""
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
    programs = ("export", "inspect", "tune", "cli.program", "cli.flags", "cli.tuning",
                "saved_model", "strength.figure")
    assert not [name for name in modules if name.removeprefix("revsig_keras.").startswith(programs)]


def packages():
    """All packages of the project."""
    return sorted(path.parent.relative_to(ROOT) for path in FILES if path.name == "__init__.py")


@pytest.mark.parametrize("package", packages(), ids=str)
def test_no_name_of_a_package_hides_a_module_of_it(package):
    """So `import revsig_keras.metrics as m` gives the module."""
    names = vars(importlib.import_module(".".join(package.parts)))
    for path in (ROOT / package).iterdir():
        if path.suffix == ".py" or (path / "__init__.py").exists():
            assert isinstance(names.get(path.stem, ast), types.ModuleType), path
