"""Tables as text."""

from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]], left: int) -> list[str]:
    """Lines of text in columns, of which the first `left` are flush left, the others right.

    Args:
        lines: The head, and below it the lines, each of as many cells.
        left: How many columns are words.

    Returns:
        The head, a rule, and the lines.
    """
    widths = [max(map(len, column)) for column in zip(*lines)]
    drawn = [
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths)))
        for line in lines
    ]
    return [drawn[0], "-" * len(drawn[0]), *drawn[1:]]
