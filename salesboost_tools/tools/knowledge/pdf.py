"""PDF files as Markdown: one section per page, so that a passage is cited with its page (extra `documents`)."""

import io
import logging
from typing import Any

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.tools.knowledge.files import ArticleFile

try:
    from pypdf import PdfReader
except ImportError as missing:
    raise MissingExtraError("reading PDF", "documents") from missing

MOST_PAGES = 2000
"""A longer file is refused: reading it would take minutes."""

logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every oddity of every file


def read_pdf(file: ArticleFile) -> tuple[dict[str, Any], str]:
    """Return the head (title, keywords, day of the last change) and the text of a PDF file.

    Raises:
        ConfigurationError: It is damaged, locked by a password, too long, or holds pictures only.
    """
    try:
        reader = PdfReader(io.BytesIO(file.raw))
        problem = _problem(reader)
        pages = [] if problem else [page.extract_text().replace("\0", " ").strip() for page in reader.pages]
        head = {} if problem else _head(reader)
    except Exception as error:  # a damaged file makes the parser fail in any way
        raise ConfigurationError(f"{file.path}: this PDF cannot be read ({type(error).__name__}: {error})") from error
    if problem:
        raise ConfigurationError(f"{file.path}: {problem}")
    if not any(pages):
        raise ConfigurationError(f"{file.path}: there is no text in this PDF, only pictures; recognise its text first")
    sections = (f"## Page {number}\n\n{_quoted(text)}" for number, text in enumerate(pages, 1) if text)
    return head, "\n\n".join(sections)


def _problem(reader: PdfReader) -> str:
    if reader.is_encrypted and not reader.decrypt(""):
        return "this PDF is locked by a password; save it without one"
    count = len(reader.pages)
    return f"has {count} pages, more than {MOST_PAGES}; split it" if count > MOST_PAGES else ""


def _head(reader: PdfReader) -> dict[str, Any]:
    told = reader.metadata
    if told is None:
        return {}
    head: dict[str, Any] = {}
    if title := str(told.title or "").strip():
        head["title"] = title[:300]
    if keywords := str(told.get("/Keywords") or "").strip():
        head["tags"] = keywords
    try:
        changed = told.modification_date or told.creation_date
    except ValueError:  # a date that is none; the text is worth having all the same
        changed = None
    if changed is not None:
        head["updated"] = changed.date().isoformat()
    return head


def _quoted(text: str) -> str:
    """Keep lines that look like Markdown headings from being taken for some."""
    return "\n".join(f" {line}" if line.startswith("#") else line for line in text.split("\n"))
