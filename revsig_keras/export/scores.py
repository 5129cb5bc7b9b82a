"""Chooses the outputs of a SavedModel that are scores to be defended."""
import dataclasses
from typing import Any, Collection

from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import each_output
from revsig_keras.saved_model.signatures import fed_tensors
from revsig_keras.saved_model.signatures import is_named
from revsig_keras.saved_model.signatures import shape_of


@dataclasses.dataclass(frozen=True)
class OutputChoice:
    """The owner's choice among the outputs of a model.

    Attributes:
        scores: Name of the scores in every signature that has them; `None` if no other output is
            floating point.
        allowed: Outputs that are no scores, as for `is_named`.
        dropped: Outputs that are left out, as for `is_named`.
    """
    scores: str | None = None
    allowed: Collection[str] = ()
    dropped: Collection[str] = ()


def drop_outputs(saved_model: Any, names: Collection[str]) -> None:
    """Removes outputs from all signatures, and signatures without any output left.

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
        raise ValueError("`drop_outputs` must name outputs of the model. Received: "
                         f"{', '.join(sorted(set(names) - dropped))}")


def choose_scores(meta_graph: Any, choice: OutputChoice) -> dict[str, dict[tuple[str, str], Any]]:
    """Chooses the scores: by name, or the one output of a signature that can be scores.

    Args:
        meta_graph: A `MetaGraphDef`.
        choice: The owner's choice.

    Returns:
        The outputs of the tensors to be defended: by the name of the tensor, a dictionary of
        `TensorInfo`s by (signature, output). Outputs with one tensor are the same scores.

    Raises:
        ValueError: If there is no such output, or several.
    """
    chosen: dict[str, dict[tuple[str, str], Any]] = {}
    for signature, outputs in _candidates(meta_graph).items():
        if choice.scores is not None:
            tensors = {outputs[choice.scores].name} if choice.scores in outputs else set()
        else:
            tensors = {
                info.name
                for output, info in outputs.items()
                if not is_named(choice.allowed, signature, output)
            }
        if len(tensors) > 1:
            raise ValueError("`output_name` must name the output with the probabilities where "
                             f"several can be. Received: {_listing(meta_graph)}")
        chosen.update({tensor: {} for tensor in tensors})
    if not chosen:
        raise ValueError("an output must be floating-point probabilities that are computed from "
                         f"the inputs. Received: output_name={choice.scores!r}, where there are: "
                         f"{_listing(meta_graph)}")
    for signature, output, info in each_output(meta_graph):
        if info.name in chosen:
            chosen[info.name][signature, output] = info
    return chosen


def _candidates(meta_graph: Any) -> dict[str, dict[str, Any]]:
    """The floating-point outputs that depend on inputs: `TensorInfo`s by signature and output."""
    flow = DataFlow(meta_graph.graph_def, fed=fed_tensors(meta_graph))
    found: dict[str, dict[str, Any]] = {}
    for signature, output, info in each_output(meta_graph):
        if (info.WhichOneof("encoding") == "name" and dtype_of(info).is_floating and
                INPUT in flow.of_tensor(info.name)):
            found.setdefault(signature, {})[output] = info
    return found


def _listing(meta_graph: Any) -> str:
    return "; ".join(
        f"{signature}/{output} ({dtype_of(info).name}, shape {shape_of(info)})"
        for signature, output, info in each_output(meta_graph)) or "a SavedModel without signatures"
