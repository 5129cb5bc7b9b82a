"""Writes the table of a coded defence into an export, for clients in any language."""
import json
import pathlib

from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.saved_model import files
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import mark

# Servers leave `assets.extra` alone.
CODE_TABLE = "assets.extra/code_table.json"


def write_code_table(folder: pathlib.Path) -> None:
    """Writes `CodedDefence.table` of the coded defence of a SavedModel, if it has one.

    Args:
        folder: That of the SavedModel, which has been inspected.
    """
    for meta_graph in files.read(folder).meta_graphs:
        for function in graphs.library(meta_graph.graph_def).values():
            if not mark.is_marked(function):
                continue
            defence, shape = mark.read(function)
            if isinstance(defence, CodedDefence):
                table = defence.table(defence.classes_of(shape))
                path = folder / CODE_TABLE
                path.parent.mkdir(exist_ok=True)
                path.write_text(json.dumps(table, indent=2) + "\n", "utf-8")
