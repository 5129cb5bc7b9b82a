"""Writes the table of a coded defence into an export, for clients in any language."""
import json
import pathlib
from typing import Any

from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.saved_model import files
from revsig_keras.saved_model import graphs
from revsig_keras.saved_model import mark
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.signatures import each_output
from revsig_keras.saved_model.signatures import fed_tensors

# Servers leave `assets.extra` alone.
CODE_TABLE = "assets.extra/code_table.json"


def write_code_table(folder: pathlib.Path) -> None:
    """Writes `CodedDefence.table` of the coded defence of a SavedModel, if it has one.

    Where outputs have different tables, the file has `outputs`: the tables by "signature/output".

    Args:
        folder: That of the SavedModel, which has been inspected.
    """
    tables: dict[str, Any] = {}
    for meta_graph in files.read(folder).meta_graphs:
        library = graphs.library(meta_graph.graph_def)
        marked = {
            name: mark.read(function)
            for name, function in library.items()
            if mark.is_marked(function)
        }
        coded = {
            name: defence.table(defence.classes_of(shape))
            for name, (defence, shape) in marked.items()
            if isinstance(defence, CodedDefence)
        }
        if not coded:
            continue  # To follow the data of large graphs takes time.
        flow = DataFlow(meta_graph.graph_def, marked, fed_tensors(meta_graph))
        for signature, output, info in each_output(meta_graph):
            for name in flow.defences_of_tensor(info.name) & set(coded) if info.name else ():
                tables[f"{signature}/{output}"] = coded[name]
    if not tables:
        return
    first, *others = tables.values()
    content = {"outputs": tables} if any(table != first for table in others) else first
    path = folder / CODE_TABLE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
