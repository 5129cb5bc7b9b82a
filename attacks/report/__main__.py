"""Writes the report of a results directory: tables, figure, and a page to hand on.

  python -m attacks.report DIR [--fail_above=.8] [--price_per_1000=1.50]

`report.html` is one file that needs no network, for the person who must decide and did not run it.
The limit and the price are those in the `verdict.json` of the run, unless flags replace them. The
exit status is that of the verdict: 0 where it is passed or nothing is judged, 1 for an error, 2
where it is failed, 3 where it is undecided.
"""

import sys

from absl import flags

from attacks.grid.judgement import Judgement
from attacks.report.results import Results
from attacks.report.verdict.verdict import exit_status
from attacks.report.verdict.written import written_judgement
from revsig_keras.cli import program
from revsig_keras.cli.flags import define_flags
from revsig_keras.cli.flags import raw_values
from revsig_keras.options import build


def main(directory: str, values: flags.FlagValues = flags.FLAGS) -> None:
    given = build(Judgement, raw_values(Judgement, values))
    results = Results(directory, *written_judgement(directory, given))
    files = results.write()
    verdict = results.verdict()
    print(verdict["sentence"],
          f"Written: {', '.join(path.name for path in files)} in {directory}",
          sep="\n\n")
    sys.exit(exit_status(verdict))


if __name__ == "__main__":
    define_flags(Judgement)
    program.run(main, "DIR")
