"""What a server's failures mean for the rows that were sent, where the auditor knows better."""

import dataclasses
import enum

from revsig_keras.options import option

_WHAT = "statuses and texts in a body (of any status, in any case of letters)"


class Meaning(enum.Enum):
    """What an answer means.

    Attributes:
        REFUSED: The model did not run; the rows are not billed, and sent again later.
        WAIT: Likewise, and no request is sent for some time.
        STOP: Asking again would not help.
    """
    REFUSED = enum.auto()
    WAIT = enum.auto()
    STOP = enum.auto()


@dataclasses.dataclass(frozen=True)
class Meanings:
    """The meanings of failures, by status or by a text in the body.

    They take precedence over the protocol. Over gRPC, the text is the code's name and its details.

    Attributes:
        refused, wait, stop: Statuses, as texts of digits, and texts, for each `Meaning`.
    """
    refused: tuple[str, ...] = option(
        (), f"Answers by which the server refuses rows that it does not bill, {_WHAT}, as in "
        "409,model is loading. They are sent again, as after 429.",
        name="oracle_refused",
        affects_results=False)
    wait: tuple[str, ...] = option(
        (), f"Likewise, {_WHAT} after which all requests wait for as long as Retry-After says, or "
        "else for 30 s, as in quota exceeded.",
        name="oracle_wait",
        affects_results=False)
    stop: tuple[str, ...] = option((),
                                   f"Likewise, {_WHAT} that end the run.",
                                   name="oracle_stop",
                                   affects_results=False)

    def __post_init__(self):
        seen = set()
        for name in ("refused", "wait", "stop"):
            for text in map(str.casefold, getattr(self, name)):
                if not text.strip() or text == "200":
                    raise ValueError(f"`{name}` must be statuses other than 200, or texts. "
                                     f"Received: {text!r}")
                if text in seen:
                    raise ValueError("`refused`, `wait` and `stop` must have nothing in common. "
                                     f"Received: {text!r} twice")
                seen.add(text)

    def of(self, status: int | None, text: str) -> Meaning | None:
        """Returns the meaning of an answer, `STOP` before `WAIT` before `REFUSED`, or None.

        Args:
            status: The HTTP status, or None.
            text: The body, or what stands for it.
        """
        folded = text.casefold()
        for meaning in (Meaning.STOP, Meaning.WAIT, Meaning.REFUSED):
            for rule in getattr(self, meaning.name.lower()):
                if (rule == str(status)) if rule.isdecimal() else (rule.casefold() in folded):
                    return meaning
        return None
