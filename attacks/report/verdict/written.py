"""What the `verdict.json` of a directory was made with."""

import dataclasses
import json
import os
import pathlib
from typing import Any

from attacks.grid.judgement import Judgement


def written_judgement(
    directory: str | os.PathLike, given: Judgement = Judgement()
) -> tuple[Judgement | None, dict[str, int] | None]:
    """Reads the judgement and the bill from `verdict.json`, so that a new report has the same.

    Args:
        directory: The output directory of a run.
        given: A price or a limit that replaces the one in the file. Defaults to neither.

    Returns:
        The judgement, `None` where nothing is judged, and the bill, `None` where it is unknown.

    Raises:
        ValueError: If the file cannot be read.
    """
    written = _contents(pathlib.Path(directory, "verdict.json"))
    judgement = Judgement(
        **{
            name: written.get(name) if value is None else value
            for name, value in dataclasses.asdict(given).items()
        })
    is_judged = bool(written) or judgement != Judgement()
    return judgement if is_judged else None, written.get("bill")


def _contents(path: pathlib.Path) -> dict[str, Any]:
    """The contents of a `verdict.json`, empty where there is none."""
    if not path.exists():
        return {}
    try:
        verdict = json.loads(path.read_bytes())
        if not isinstance(verdict, dict):
            raise ValueError(f"a {type(verdict).__name__}")
    except ValueError as error:
        raise ValueError(f"{path} must be a verdict, or be removed. Received: {error}") from error
    return verdict
