"""Which outputs of a SavedModel are the scores to be defended."""
from typing import Any, Collection

from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import each_output
from revsig_keras.saved_model.signatures import fed_tensors
from revsig_keras.saved_model.signatures import is_named
from revsig_keras.saved_model.signatures import shape_of


def drop_outputs(saved_model: Any, names: Collection[str]) -> None:
    """Takes outputs out of all signatures, and signatures without any output left.

    Args:
        saved_model: A `SavedModel`, which is changed.
        names: Outputs as for `is_named`.

    Raises:
        ValueError: If there is no such output.
    """
    dropped: set[str] = set()
    for meta_graph in saved_model.meta_graphs:
        for signature, output, _ in list(each_output(meta_graph)):
            if is_named(names, signature, output):
                dropped |= {output, f"{signature}/{output}"}
                del meta_graph.signature_def[signature].outputs[output]
                if not meta_graph.signature_def[signature].outputs:
                    del meta_graph.signature_def[signature]
    if set(names) - dropped:
        raise ValueError("--drop_output must name outputs of the model. Received: "
                         f"{', '.join(sorted(set(names) - dropped))}")


def choose_scores(meta_graph: Any, output_name: str | None,
                  allowed: Collection[str]) -> dict[str, dict[tuple[str, str], Any]]:
    """Chooses the scores: by name, or the one output of a signature that can be scores.

    Args:
        meta_graph: A `MetaGraphDef`.
        output_name: The scores in every signature that has them; `None` if nothing else is
            floating point.
        allowed: Outputs that are none, as for `is_named`.

    Returns:
        The outputs of the tensors to be defended: by the name of the tensor, a dictionary of
        `TensorInfo`s by (signature, output). Whatever is the same tensor is the same scores.

    Raises:
        ValueError: If there is no such output, or several.
    """
    flow = DataFlow(meta_graph.graph_def, fed=fed_tensors(meta_graph))
    floats: dict[str, dict[str, Any]] = {}
    for signature, output, info in each_output(meta_graph):
        if (info.WhichOneof("encoding") == "name" and dtype_of(info).is_floating and
                INPUT in flow.of_tensor(info.name)):
            floats.setdefault(signature, {})[output] = info
    chosen: dict[str, dict[tuple[str, str], Any]] = {}
    for signature, outputs in floats.items():
        if output_name is not None:
            scores = {outputs[output_name].name} if output_name in outputs else set()
        else:
            scores = {
                info.name
                for output, info in outputs.items()
                if not is_named(allowed, signature, output)
            }
        if len(scores) > 1:
            raise ValueError("which output has the probabilities cannot be told: name it by "
                             f"--output_name. Received: {_listing(meta_graph)}")
        chosen.update({name: {} for name in scores})
    if not chosen:
        raise ValueError("an output must be floating-point probabilities that are computed from "
                         f"the inputs. Received: --output_name={output_name}, where there are: "
                         f"{_listing(meta_graph)}")
    for signature, output, info in each_output(meta_graph):
        if info.name in chosen:
            chosen[info.name][signature, output] = info
    return chosen


def _listing(meta_graph):
    return "; ".join(
        f"{signature}/{output} ({dtype_of(info).name}, shape {shape_of(info)})"
        for signature, output, info in each_output(meta_graph)) or "a SavedModel without signatures"
