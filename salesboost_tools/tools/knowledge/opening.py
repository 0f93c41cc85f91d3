"""Find the knowledge index of a data folder, or make it."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import article_files, parse_article
from salesboost_tools.tools.knowledge.index import KnowledgeIndex

INDEX_NAME = "knowledge.sqlite"
SHIPPED = "shipped"
"""The `source` of an index of the articles that come with the package."""


def shipped_articles() -> Traversable:
    """Return the folder of articles that comes with the package."""
    return files("salesboost_tools") / "data" / "knowledge"


def open_knowledge(data_dir: Path, folder: Path | None = None) -> KnowledgeIndex:
    """Return the index in `data_dir`, equal to its folder of articles.

    A missing, damaged or outdated file is built beside and put in place in one step: all that is in it comes from the
    articles. Otherwise what has changed in the folder is ingested, in one transaction. Several processes may do this at
    once; they do the same.

    Args:
        data_dir: Where the index lives, in `knowledge.sqlite`; made if missing.
        folder: Markdown and text files. None: whatever was ingested last, as it is; or the shipped articles.

    Raises:
        ConfigurationError: The folder is missing, or an article is wrong; the message names file and field.
    """
    path = data_dir / INDEX_NAME
    index = _existing(path)
    if index is not None and folder is None and index.source != SHIPPED:
        return index
    articles, source = (shipped_articles(), SHIPPED) if folder is None else (folder, str(folder.resolve()))
    if index is None:
        return KnowledgeIndex.create(path, map(parse_article, article_files(articles)), source=source)
    index.ingest(articles, source=source)
    return index


def _existing(path: Path) -> KnowledgeIndex | None:
    if not path.exists():
        return None
    try:
        return KnowledgeIndex(path)
    except ConfigurationError:  # not an index, or of another format
        return None
