"""What `make docs` puts into pages: parts of the README and its neighbours, the API, and the notebooks.

A line of a page that is only one of these is replaced:

- `[[README.md#Settings]]`: the text under that heading. `[[README.md#]]`: what stands above the first one.
  `[[ARCHITECTURE.md]]`: the whole file.
- `[[api handlers.]]`: every public name whose module begins so, as mkdocstrings is told.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import salesboost_tools

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "deploy/README.md": "reference/deploy.md",
}
"""Where files of the repository are found on the site; links to others become plain text."""

_PART = re.compile(r"^\[\[(?P<file>[\w/]+\.md)(?P<heading>#[^\]]*)?\]\]$", re.MULTILINE)
_API = re.compile(r"^\[\[api (?P<begins>[\w.]+)\]\]$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>[^)]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, *, config: Any) -> Files:
    """Add a page for every notebook."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        files.append(File.generated(config, f"tours/{path.stem}.md", content=tour(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put the parts where a page asks for them."""
    here = page.file.src_uri
    markdown = _PART.sub(lambda found: part(found["file"], found["heading"], here), markdown)
    return _API.sub(lambda found: api(found["begins"]), markdown)


def part(name: str, heading: str | None, here: str) -> str:
    """Return a file or the text under one of its headings, as a page can hold it.

    Args:
        name: The file.
        heading: "#" and the heading; "#" alone for what stands above the first one, None for the whole file.
        here: The page it is for.

    Raises:
        PluginError: There is no such heading.
    """
    text = (ROOT / name).read_text(encoding="utf-8")
    if heading is None:
        return _linked(text, here)
    sections = _sections(text)
    wanted = heading[1:].strip()
    if wanted not in sections:
        raise PluginError(f"{here}: {name} has no heading {wanted!r}; it has {sorted(sections)}")
    return _linked(sections[wanted], here)


def api(begins: str) -> str:
    """Return what makes mkdocstrings write about the public names whose modules begin so.

    Raises:
        PluginError: There are none.
    """
    homes = {name: home for home, names in salesboost_tools._HOMES.items() for name in names}  # noqa: SLF001
    found = [f"::: salesboost_tools.{home}.{name}" for name, home in homes.items() if f"{home}.".startswith(begins)]
    if not found:
        raise PluginError(f"no public name lives in a module that begins with {begins!r}")
    return "\n\n".join(found)


def tour(path: Path) -> str:
    """Return a notebook's text and code as a page."""
    cells = nbformat.read(path, as_version=4).cells
    title, *rest = [cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in cells]
    note = f'!!! note ""\n    A notebook, `notebooks/{path.name}`, to run and to change: plots and tables appear there.'
    return "\n\n".join([title, note, *rest])


def _sections(text: str) -> dict[str, str]:
    """Return the text under each heading of the second level, headings below it lifted by one; "" is the text above."""
    above, *rest = re.split(r"^## ", text, flags=re.MULTILINE)
    sections = {"": above.partition("\n")[2]}
    for section in rest:
        heading, _, body = section.partition("\n")
        sections[heading.strip()] = re.sub(r"^###", "##", body, flags=re.MULTILINE)
    return sections


def _linked(text: str, here: str) -> str:
    """Return text whose links lead to pages of the site; code stays as it is."""

    def link(found: re.Match[str]) -> str:
        target = found["target"]
        if target.startswith(("http", "#")):
            return found[0]
        place, _, anchor = target.partition("#")
        if place not in PAGES:
            return found["text"]
        there = posixpath.relpath(PAGES[place], posixpath.dirname(here) or ".")
        return f"[{found['text']}]({there}{'#' + anchor if anchor else ''})"

    pieces = _FENCE.split(text)
    return "".join(piece if piece.startswith("```") else _LINK.sub(link, piece) for piece in pieces)
