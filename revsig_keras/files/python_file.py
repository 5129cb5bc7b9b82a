"""Python files of a user's own, run as they are now."""
from collections.abc import Callable
import functools
import importlib.machinery
import importlib.util
import os
import types


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a file whenever it is run.

    Python takes a compiled file for that of a source of the same size and the same second, so a
    file that was changed right after it had been run would run as it was before.
    """

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def module_of_file(name: str,
                   path: str | os.PathLike[str]) -> tuple[types.ModuleType, Callable[[], None]]:
    """Returns a new module of a file, and the function that runs the file in it.

    Args:
        name: The name of the module, which is not made known to Python.
        path: The file.
    """
    loader = _Loader(name, os.fspath(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # As it has a loader.
    module = importlib.util.module_from_spec(spec)
    return module, functools.partial(loader.exec_module, module)
