"""Defences in their textual form, each perhaps for one output: "MEMBER" or "NAME=MEMBER"."""
from collections.abc import Collection, Iterator

from revsig_keras.defences.base import Defence
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defences.catalogue import require_defence
from revsig_keras.registry import parse_member


def make_defences(texts: Collection[str]) -> dict[str | None, Defence]:
    """Makes defences by the outputs that they are for; see `read_defences`."""
    return {name: require_defence(member) for name, member in read_defences(texts).items()}


def read_defences(texts: Collection[str], output_name: str | None = None) -> dict[str | None, str]:
    """Returns members by the outputs that they are for, `None` for one without a name.

    With `output_name`, that is the output of the only member, which has no name of its own then.

    The member of "NAME=MEMBER" is the longest suffix behind an `=` that is one, so NAME may itself
    have the characters `:`, `=` and `/`.

    Raises:
        ValueError: If a text is no defence, a name is repeated, or one of several has no name.
    """
    members: dict[str | None, str] = {}
    for text in texts:
        name, member = _split(text)
        if make_defence(member) is None:
            raise ValueError(f"`defence` must be a defence. Received: {text}")
        if name in members and name is not None:
            raise ValueError("`defence` must be given once for each output. Received: "
                             f"{name} several times")
        if len(texts) > 1 and name is None:
            raise ValueError("`defence` must name its output, as NAME=MEMBER, where several are "
                             f"given. Received: {', '.join(texts)}")
        members[name] = member
    if output_name is not None and members and None not in members:
        raise ValueError("`output_name` must be left out where `defence` names its output. "
                         f"Received: {output_name}, with {', '.join(texts)}")
    return members


def _split(text: str) -> tuple[str | None, str]:
    """The name of an output, `None` if there is none, and the member."""
    readings = list(_readings(text))
    for check in (DEFENCES.resolve, _check_name):
        for name, member in readings:
            try:
                check(member)
            except ValueError:
                continue
            return name, member
    return None, text


def _readings(text: str) -> Iterator[tuple[str | None, str]]:
    """All ways to read a text, the longest member first."""
    yield None, text
    for index, character in enumerate(text):
        if character == "=" and index:
            yield text[:index], text[index + 1:]


def _check_name(member: str) -> None:
    """Raises `ValueError` unless a member has the name of a defence, whatever its options are."""
    if parse_member(member).name not in DEFENCES.names:
        raise ValueError(f"There is no defence of the name of {member}")
