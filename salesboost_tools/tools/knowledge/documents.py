"""From a file of any kind to a head and Markdown."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from salesboost_tools.tools.knowledge.files import ArticleFile
from salesboost_tools.tools.knowledge.markdown import decode, split_head


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in a file.

    Attributes:
        head: What it says of itself, by name; texts and lists of texts.
        body: Its text in Markdown: `#` before its title, `##` before its sections.
    """

    head: dict[str, Any]
    body: str


def read_document(file: ArticleFile) -> Document:
    """Return what stands in a Markdown, text, HTML or PDF file.

    Raises:
        ConfigurationError: It cannot be read; the message names it.
        MissingExtraError: HTML and PDF need the extra `documents`.
    """
    match PurePosixPath(file.path).suffix.lower():
        case ".pdf":
            from salesboost_tools.tools.knowledge.pdf import read_pdf  # noqa: PLC0415  (an extra)

            return Document(*read_pdf(file))
        case ".html" | ".htm":
            from salesboost_tools.tools.knowledge.html import read_html  # noqa: PLC0415  (an extra)

            return Document(*read_html(file))
        case _:
            head, body = split_head(decode(file.raw), file.path)
            return Document(head or {}, body)
