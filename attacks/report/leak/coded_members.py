"""Which defences of the results are coded, and with how many bits."""

import dataclasses

from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.coded.base import CodedDefence
from revsig_keras.registry import Member
from revsig_keras.registry import parse_member


@dataclasses.dataclass(frozen=True)
class Code:
    """A coded defence.

    Attributes:
        family: The member without its bits: one defence of several strengths.
        bits: The most bits that an answer tells beyond the label; `None` where a file tells them.
    """
    family: str
    bits: int | None


def code_of(defence: str) -> Code | None:
    """The code of a defence, as the results spell it; `None` for any other.

    >>> code_of("decoy:bits=2:decoys=1")
    Code(family='decoy:decoys=1', bits=2)
    """
    try:
        member = parse_member(defence)
        layer = DEFENCES.make(member.name)
    except ValueError:  # An endpoint's, or one that is not known here.
        return None
    if not isinstance(layer, CodedDefence):
        return None
    options = dict(member.options)
    bits = int(options.pop("bits", layer.bits))
    return Code(str(Member(member.name, options)), None if "state" in options else bits)
