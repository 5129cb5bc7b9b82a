"""Writes the report of a results directory: tables, figure, and a page to hand on.

  python -m attacks.report DIR [--fail_above=.8] [--price_per_1000=1.50]

`report.html` is one file that needs no network, for the person who must decide and did not run it.
Limit and price are those of the `verdict.json` that a run has written, where there is one and the
flags do not say otherwise. The exit status is that of the verdict: 0 where it is passed or nothing
is judged, 1 for an error, 2 where it is failed, 3 where it is undecided.
"""

import dataclasses
import json
import pathlib
import sys
from typing import Any

from absl import flags

from attacks.grid.judgement import Judgement
from attacks.report.results import Results
from attacks.report.verdict.verdict import exit_status
from revsig_keras.cli import program
from revsig_keras.cli.flags import define_flags
from revsig_keras.cli.flags import raw_values
from revsig_keras.options import build


def main(directory: str, values: flags.FlagValues = flags.FLAGS) -> None:
    given = build(Judgement, raw_values(Judgement, values))
    written = written_verdict(pathlib.Path(directory, "verdict.json"))
    judgement = Judgement(
        **{
            name: written.get(name) if value is None else value
            for name, value in dataclasses.asdict(given).items()
        })
    is_judged = bool(written) or judgement != Judgement()
    results = Results(directory, judgement if is_judged else None, written.get("bill"))
    files = results.write()
    verdict = results.verdict()
    print(verdict["sentence"],
          f"Written: {', '.join(path.name for path in files)} in {directory}",
          sep="\n\n")
    sys.exit(exit_status(verdict))


def written_verdict(path: pathlib.Path) -> dict[str, Any]:
    """The contents of a `verdict.json`, or nothing where there is none.

    Raises:
        ValueError: If it cannot be read.
    """
    if not path.exists():
        return {}
    try:
        verdict = json.loads(path.read_bytes())
        if not isinstance(verdict, dict):
            raise ValueError(f"a {type(verdict).__name__}")
    except ValueError as error:
        raise ValueError(f"{path} must be a verdict, or be removed. Received: {error}") from error
    return verdict


if __name__ == "__main__":
    define_flags(Judgement)
    program.run(main, "DIR")
