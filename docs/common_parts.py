"""Fills the common parts into docstrings of metrics, as `revsig_keras.metrics.docstrings` does.

The documentation is made from the source alone, without importing it.
"""
import ast
import pathlib

import griffe

_SOURCE = pathlib.Path(__file__).parents[1] / "revsig_keras" / "metrics" / "docstrings.py"


class CommonParts(griffe.Extension):
    """Replaces the marks in every docstring."""

    def __init__(self):
        super().__init__()
        tree = ast.parse(_SOURCE.read_text(encoding="utf-8"))
        self._parts = next(
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "_PARTS")

    def on_instance(self, *, node, obj, **kwargs):
        """Called by griffe for each object that it has read."""
        if obj.docstring:
            for mark, part in self._parts.items():
                obj.docstring.value = obj.docstring.value.replace(mark, part)
