"""Makes the tables, the figure and the page of a results directory again, and prints the tables.

  python -m attacks.plot DIR [--format=png,svg,pdf] [--archive]
  python -m attacks.plot --columns [--markdown]

They are made from the cells alone; a directory with a `verdict.json` is judged by its limit and
price again. `attacks.report` writes the same files, takes another limit or price, prints the
verdict, and ends with its status.
"""

from collections.abc import Sequence

from absl import flags

from attacks.report import Results
from attacks.report.columns.columns import dictionary
from attacks.report.columns.columns import markdown as markdown_page
from attacks.report.figure import FORMATS
from attacks.report.verdict.written import written_judgement
from attacks.results.archive import write_archive
from revsig_keras.cli import program


def main(directory: str | None = None,
         *,
         columns: bool = False,
         markdown: bool = False,
         formats: Sequence[str] = ("png",),
         archive: bool = False):
    if columns:
        print(markdown_page() if markdown else dictionary())
        return
    if directory is None:
        raise ValueError("A results directory must be given. Received: none")
    results = Results(directory, *written_judgement(directory))
    files = results.write(formats)
    if archive:
        files.append(write_archive(directory))
    print(results.text(),
          f"Written: {', '.join(path.name for path in files)} in {directory}",
          sep="\n\n")


if __name__ == "__main__":
    COLUMNS = flags.DEFINE_bool("columns", False,
                                "Prints what each column of the tables holds, and ends.")
    MARKDOWN = flags.DEFINE_bool("markdown", False, "Prints the columns as a page of Markdown.")
    FORMAT = flags.DEFINE_list("format", ["png"], f"Formats of the figure: {', '.join(FORMATS)}.")
    ARCHIVE = flags.DEFINE_bool(
        "archive", False, "Also writes all cells into one file, cells.jsonl.xz, which is read like "
        "the files in cells/. These stay; a repository needs only one of both.")
    program.run(
        lambda *directory: main(*directory,
                                columns=COLUMNS.value,
                                markdown=MARKDOWN.value,
                                formats=FORMAT.value,
                                archive=ARCHIVE.value), "[DIR]")
