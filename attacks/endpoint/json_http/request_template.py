"""The template of a request in JSON."""

from collections.abc import Mapping
import json
import re
from typing import Any

_PLACE = re.compile(r"\$ROW(S?)(?![A-Za-z0-9_])")
_MARK = "ROW-IN-ITS-PLACE"


class RequestTemplate:
    """JSON with `$ROW` in place of one row, or `$ROWS` in place of a list of rows.

    `$ROW` may also be inside a string, such as `"data:image/png;base64,$ROW"`, if rows are text.

    Args:
        text: The template.
        rows_are_text: Whether a row is written as text.
        secrets: What is sent in place of strings of the template, by these strings, quoted.

    Attributes:
        has_one_row: Whether a request has one row.

    Raises:
        ValueError: If the template has no place or several, or is not JSON.
    """

    def __init__(self, text: str, rows_are_text: bool, secrets: Mapping[str, str]):
        places = list(_PLACE.finditer(text))
        if len(places) != 1:
            raise ValueError("`request` must have $ROW or $ROWS once. Received: "
                             f"{text!r}, which has them {len(places)} times")
        place, = places
        self._before, self._after = text[:place.start()], text[place.end():]
        self.has_one_row = not place[1]
        try:
            json.loads(f"{self._before}null{self._after}")
        except ValueError as error:
            raise ValueError(
                "`request` must be JSON with null in place of $ROW or $ROWS. Received: "
                f"{text!r}: {error}") from None
        self._is_in_string = not _parses(f'{self._before}"{_MARK}"{self._after}')
        if self._is_in_string and not (rows_are_text and self.has_one_row and
                                       _has_value(json.loads(self._filled(_MARK)))):
            raise ValueError(
                f"`request` must have ${'ROW' if self.has_one_row else 'ROWS'} outside "
                f"of quotes, unless it is $ROW, as text in a value. Received: {text!r}")
        for string, secret in secrets.items():
            self._before, self._after = (
                part.replace(string, json.dumps(secret)) for part in (self._before, self._after))

    def fill(self, rows: list[Any]) -> bytes:
        """Returns the request with the rows, each of them a value of JSON, in their place."""
        value = rows[0] if self.has_one_row else rows
        text = value if self._is_in_string else json.dumps(value, separators=(",", ":"))
        return self._filled(text).encode()

    def _filled(self, text):
        return f"{self._before}{text}{self._after}"


def _parses(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _has_value(tree):
    """Whether the mark is in a value, not in a key."""
    if isinstance(tree, dict):
        return any(map(_has_value, tree.values()))
    if isinstance(tree, list):
        return any(map(_has_value, tree))
    return isinstance(tree, str) and _MARK in tree
