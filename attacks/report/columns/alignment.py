"""Tables as text."""

from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lines of text in columns: the first `left` columns are flush left, the others flush right.

    Args:
        lines: The head and, below it, the lines; all have the same number of entries.
        left: Number of columns that hold words.

    Returns:
        The head, a rule, and the lines.
    """
    widths = [max(map(len, column)) for column in zip(*lines)]
    drawn = [
        "  ".join(
            entry.ljust(width) if index < left else entry.rjust(width)
            for index, (entry, width) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    ]
    return [drawn[0], "-" * max(map(len, drawn)), *drawn[1:]]
