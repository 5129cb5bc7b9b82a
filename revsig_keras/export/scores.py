"""Chooses the outputs of a SavedModel that are scores to be defended."""
import dataclasses
from typing import Any, Collection, Mapping

from revsig_keras.defences.base import Defence
from revsig_keras.saved_model.data_flow import DataFlow
from revsig_keras.saved_model.data_flow import INPUT
from revsig_keras.saved_model.signatures import dtype_of
from revsig_keras.saved_model.signatures import each_output
from revsig_keras.saved_model.signatures import fed_tensors
from revsig_keras.saved_model.signatures import is_named
from revsig_keras.saved_model.signatures import shape_of
from revsig_keras.saved_model.signatures import signatures


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
    if dropped and not any(map(signatures, saved_model.meta_graphs)):
        raise ValueError("`drop_outputs` must leave an output. Received: "
                         f"{', '.join(sorted(names))}, which are all that the model has")


@dataclasses.dataclass
class Scores:
    """A tensor to be defended.

    Attributes:
        tensor: Its name.
        defence: Its defence.
        outputs: The `TensorInfo`s of all outputs that have it, by (signature, output).
    """
    tensor: str
    defence: Defence
    outputs: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict)


def choose_scores(meta_graph: Any, defences: Mapping[str | None, Defence],
                  choice: OutputChoice) -> list[Scores]:
    """Chooses the scores: by name, or the one output of a signature that can be scores.

    Args:
        meta_graph: A `MetaGraphDef`.
        defences: Defences by outputs as for `is_named`; the one by `None` is for the output that
            `choice` names.
        choice: The owner's choice.

    Returns:
        The tensors to be defended. Outputs with one tensor are the same scores.

    Raises:
        ValueError: If there is no such output, or several, or several defences for one of them.
    """
    candidates = _candidates(meta_graph)
    chosen: dict[str, Scores] = {}
    for name, defence in defences.items():
        wanted = choice.scores if name is None else name
        found = {
            tensor for signature in candidates
            for tensor in _tensors(meta_graph, candidates[signature], signature, wanted, choice)
        }
        if not found:
            raise ValueError("an output must be floating-point probabilities that are computed "
                             f"from the inputs. Received: output_name={wanted!r}, where there are: "
                             f"{_listing(meta_graph)}")
        for tensor in sorted(found):
            if tensor in chosen:
                raise ValueError("`defence` must be given once for each output. Received: two for "
                                 f"{wanted}, which is {' and '.join(map(str, defences))}")
            chosen[tensor] = Scores(tensor, defence)
    for signature, output, info in each_output(meta_graph):
        if info.name in chosen:
            chosen[info.name].outputs[signature, output] = info
    return list(chosen.values())


def _tensors(meta_graph: Any, outputs: Mapping[str, Any], signature: str, wanted: str | None,
             choice: OutputChoice) -> set[str]:
    """The names of the tensors of scores among the candidates of a signature."""
    if wanted is not None:
        return {
            info.name for output, info in outputs.items() if is_named([wanted], signature, output)
        }
    tensors = {
        info.name
        for output, info in outputs.items()
        if not is_named(choice.allowed, signature, output)
    }
    if len(tensors) > 1:
        raise ValueError("`output_name` must name the output with the probabilities where several "
                         "can be. Leave each of the others out by `drop_outputs`, or, if the "
                         "scores cannot be computed from it, allow it by `allow_outputs`. "
                         f"Received: {_listing(meta_graph)}")
    return tensors


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
