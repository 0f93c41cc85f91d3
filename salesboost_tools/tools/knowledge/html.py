"""HTML files as Markdown: what a reader would read, under its headings (extra `documents`)."""

import re
import warnings
from collections.abc import Iterator
from typing import Any

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.tools.knowledge.files import ArticleFile

try:
    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag, XMLParsedAsHTMLWarning
    from bs4.element import NavigableString, PreformattedString
except ImportError as missing:
    raise MissingExtraError("reading HTML", "documents") from missing

_NOT_READ = {
    "script", "style", "template", "noscript", "head", "nav", "footer", "aside", "form", "button", "svg", "iframe",
}  # fmt: skip
_BLOCKS = {
    "p", "div", "section", "article", "main", "header", "ul", "ol", "table", "tr", "blockquote", "pre", "figure",
    "figcaption", "dl", "dt", "dd", "address", "details", "summary", "hr",
}  # fmt: skip
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_FIELDS = {"keywords": "tags", "version": "version", "last-modified": "updated", "date": "updated"}
"""Name of a `<meta>` -> field of a head."""


def read_html(file: ArticleFile) -> tuple[dict[str, Any], str]:
    """Return the head and the text of an HTML file.

    The head comes from `<title>` and from `<meta name=...>`: keywords, version, last-modified. Scripts, styles, menus,
    forms and what is hidden are left out; markup is never executed, and nothing is fetched.

    Raises:
        ConfigurationError: There is no text in it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(file.raw, "html.parser")
    body = _markdown(soup.body or soup).replace("\0", " ")
    if not body:
        raise ConfigurationError(f"{file.path}: there is no text in this HTML")
    return _head(soup), body


def _head(soup: BeautifulSoup) -> dict[str, Any]:
    head: dict[str, Any] = {}
    if soup.title and (title := _SPACES.sub(" ", soup.title.get_text()).strip()):
        head["title"] = title[:300]
    for meta in soup.find_all("meta"):
        field = _FIELDS.get(str(meta.get("name", "")).lower())
        value = str(meta.get("content", "")).strip()
        if field and value:
            head[field] = value[:10] if field == "updated" else value
    return head


def _markdown(root: Tag) -> str:
    lines = "".join(_pieces(root)).split("\n")
    text = "\n".join(_SPACES.sub(" ", line).strip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _pieces(root: Tag) -> Iterator[str]:
    """Yield the text in reading order, with line ends where blocks begin and end; however deep, without recursion."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str) and not isinstance(node, NavigableString):
            yield node
        elif isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):  # comments, doctypes, processing instructions
                yield _SPACES.sub(" ", node)
        elif isinstance(node, Tag) and not _is_hidden(node):
            before, after = _around(node.name)
            waiting.append(after)
            waiting.extend(reversed(node.contents))
            waiting.append(before)


def _around(name: str) -> tuple[str, str]:
    if name in _HEADINGS:
        return f"\n\n{_HEADINGS[name]}", "\n\n"
    if name == "li":
        return "\n- ", ""
    if name == "br":
        return "\n", ""
    if name in {"td", "th"}:
        return " ", " "
    return ("\n\n", "\n\n") if name in _BLOCKS else ("", "")


def _is_hidden(node: Tag) -> bool:
    return node.name in _NOT_READ or node.has_attr("hidden") or node.get("aria-hidden") == "true"
