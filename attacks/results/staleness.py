"""Whether the results in a directory were made with the present data, victim and defences."""

from collections.abc import Callable, Sequence
import os
from typing import Any

from attacks.oracle.defences import fixed_answers
from attacks.oracle.defences import FIXED_ROWS
from attacks.oracle.defences import largest_difference
from attacks.oracle.defences import TOLERANCE
from attacks.oracle.deployed import Deployed

# Entries of a record that must not change, and their values in records without them.
_COMPARED = (("dataset", "fingerprint", None), ("victim", "fingerprint", None), ("hardware",
                                                                                 "replicas", 1))


def refuse_stale(records: Sequence[dict[str, Any]],
                 origin: dict[str, Any],
                 directory: str | os.PathLike,
                 deployed: Callable[[str], Deployed] = Deployed) -> None:
    """Raises `ValueError` if a run cannot continue the results of a directory.

    1. Other data, another victim and another number of replicas are refused: dropout and rounding
       differ with the replicas, and no single command would make the directory's figures again.
    2. So are the user's own pools and architectures in files that have changed.
    3. A defence is refused if it was fitted to something else, or if it answers fixed rows
       differently than it did. Records that are older than this check pass.

    Args:
        records: The records of the cells in the directory, and of the choices of recipes.
        origin: The provenance of the run; see `attacks.results.provenance.provenance`.
        directory: For the message.
        deployed: Returns a defence as it now answers for the victim. Defaults to `Deployed`:
            nothing is fitted.
    """
    for record in records:
        for name, entry, default in _COMPARED:
            if name not in record:  # Choices had fewer entries once.
                continue
            there, now = (source[name].get(entry, default) for source in (record, origin))
            if there is not None and there != now:
                raise ValueError(
                    f"`output_dir` must hold results of the same {name}. Received: {directory}, "
                    f"with the {entry} {there!s:.12}, and now {now!s:.12}")
        _refuse_changed_files(record, origin, directory)
    _refuse_changed_defences(records, origin["dataset"]["num_classes"], directory, deployed)


def _refuse_changed_files(record, origin, directory):
    there, now = record.get("files", {}), origin.get("files", {})
    for name in there.keys() & now.keys():
        if there[name] != now[name]:
            raise ValueError(f"`output_dir` must hold results of the same {name}. Received: "
                             f"{directory}, with the fingerprint {there[name]:.12}, and now "
                             f"{now[name]:.12}")


def _refuse_changed_defences(records, num_classes, directory, deployed):
    answers = {}
    for record in records:
        _refuse_other_state(record, directory, deployed)
        cell, there = record["cell"], record.get("defence_answers")
        if there is None:
            continue
        key = repr(cell["resolved"]["defence"])
        if key not in answers:
            state = deployed(cell["defence"]).state
            answers[key] = fixed_answers(cell["defence"], num_classes, state)
        difference = largest_difference(there, answers[key])
        if difference > TOLERANCE:
            raise ValueError(
                "`output_dir` must hold results of defences that answer as they do now. Received: "
                f"{directory}, where {cell['defence']} answered {FIXED_ROWS} fixed rows "
                f"differently, by an L1 distance of {difference:.2g} or more: its code, its "
                f"secret or its fit has changed since {record['id']} was made at commit "
                f"{record.get('commit') or 'unknown'}. Name another directory, or use the code of "
                "that commit")


def _refuse_other_state(record, directory, deployed):
    if "defence_state" not in record:
        return
    member, there = record["cell"]["defence"], record["defence_state"]["digest"]
    now = deployed(member).describe().get("defence_state", {}).get("digest")
    if there != now:
        raise ValueError(
            "`output_dir` must hold results of defences that were fitted to the same rows. "
            f"Received: {directory}, where {member} had a state with the digest {there:.12}, and "
            f"now {now!s:.12}. Name another directory")
