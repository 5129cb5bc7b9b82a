"""Makes the tables and the figure of a results directory again, from its cells alone.

  python -m attacks.plot DIR
  python -m attacks.plot --columns
"""

from absl import flags

from attacks.report import Results
from attacks.report.columns import dictionary
from revsig_keras.cli import program


def main(directory: str | None = None, *, columns: bool = False):
    if columns:
        print(dictionary())
        return
    if directory is None:
        raise ValueError("A results directory must be given. Received: none")
    results = Results(directory)
    files = results.write()
    print(results.text(),
          f"Written: {', '.join(path.name for path in files)} in {directory}",
          sep="\n\n")


if __name__ == "__main__":
    COLUMNS = flags.DEFINE_bool("columns", False,
                                "Prints what each column of the tables holds, and ends.")
    program.run(lambda *directory: main(*directory, columns=COLUMNS.value), "[DIR]")
