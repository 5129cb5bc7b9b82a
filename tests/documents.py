"""What readers read: the README and the pages of `docs`."""
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def blocks(language, documents=DOCUMENTS):
    """The code blocks in a language, each with the name of its document."""
    return [(document.relative_to(ROOT).as_posix(), code)
            for document in documents
            for name, code in re.findall(r"^```(\w*)\n(.*?)^```", document.read_text(),
                                         re.DOTALL | re.MULTILINE)
            if name == language]  # yapf: disable


def defence_that_is_added():
    """The code block that adds a defence, and the document that has it."""
    (document,
     code), = (block for block in blocks("python") if "(revsig_keras.Defence)" in block[1])
    return ROOT / document, code
