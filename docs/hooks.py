"""Hooks of mkdocs: pages and figures from outside `docs`, and links to files of the repository.

In the sources, links lead to files beside `docs`, as a reader of the repository needs them. In the
site, those to the documents and figures below lead to copies, and others are shown as text.
"""
import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).parents[1]
# Pages of the site by documents of the repository.
PAGES = {
    "RESULTS.md": "paper.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md"
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def on_files(files, config):
    """Adds the documents and figures."""
    for source, page in PAGES.items():
        if (ROOT / source).exists():
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for figure in sorted(ROOT.glob("results/**/*.png")):
        name = figure.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(figure)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Leads links to what the site has, and shows others as text."""
    origins = {name: source for source, name in PAGES.items()}
    document = ROOT / origins.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def lead(match):
        bang, text, target, anchor = match.groups(default="")
        path = (document.parent / target).resolve()
        if not path.is_relative_to(ROOT):
            return text
        name = path.relative_to(ROOT).as_posix()
        name = PAGES.get(name, name.removeprefix("docs/"))
        if files.get_file_from_path(name) is None:
            return text
        return f"{bang}[{text}]({name}{anchor})"

    return _LINK.sub(lead, markdown)
