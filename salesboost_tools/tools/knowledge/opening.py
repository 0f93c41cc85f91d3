"""Find the knowledge index of a data folder, or make it."""

import logging
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import parse_article
from salesboost_tools.tools.knowledge.files import article_files
from salesboost_tools.tools.knowledge.index import KnowledgeIndex

SHIPPED_INDEX = "knowledge.sqlite"
"""Made of the shipped articles alone, so it can be made anew at any time."""

OWN_INDEX = "own_knowledge.sqlite"
"""What the user brought. It is never made anew by itself: folders that were ingested may be elsewhere by now."""

SHIPPED = "shipped"
FOLDER = "folder"
"""The collection that follows the folder of the settings."""

_logger = logging.getLogger(__name__)


def shipped_articles() -> Traversable:
    """Return the folder of articles that comes with the package."""
    return files("salesboost_tools") / "data" / "knowledge"


def open_knowledge(data_dir: Path, folder: Path | None = None) -> KnowledgeIndex:
    """Return the index in `data_dir`: of the user's own documents if there are any, else of the shipped articles.

    The folder, or the shipped articles, are ingested if they have changed. Several processes may do this at once; they
    do the same. Files of the folder that cannot be read are passed by, with a warning in the log.

    Args:
        data_dir: Where indexes live; made if missing.
        folder: The user's own documents. What `ingest_own` brought in is there besides.

    Raises:
        ConfigurationError: The folder is missing, or the user's own index is damaged.
    """
    if folder is None and not (data_dir / OWN_INDEX).exists():
        return _shipped(data_dir / SHIPPED_INDEX)
    index = open_own(data_dir)
    if folder is None:
        index.forget(FOLDER)
        return index
    report = index.ingest(folder, collection=FOLDER)
    for broken in report.broken:
        _logger.warning("%s: passed by: %s: %s", folder, broken.path, broken.problem)
    return index


def open_own(data_dir: Path) -> KnowledgeIndex:
    """Return the index of the user's own documents, an empty one if there is none yet.

    Raises:
        ConfigurationError: It is damaged, or of another version; the message says what to do.
    """
    path = data_dir / OWN_INDEX
    if not path.exists():
        return KnowledgeIndex.create(path, replace=False)
    try:
        return KnowledgeIndex(path)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error}; then run `salesboost ingest` again for folders that you ingested"
        ) from error


def _shipped(path: Path) -> KnowledgeIndex:
    articles = shipped_articles()
    if path.exists():
        try:
            index = KnowledgeIndex(path)
        except ConfigurationError:  # not an index, or of another format
            pass
        else:
            index.ingest(articles, collection=SHIPPED)
            return index
    return KnowledgeIndex.create(path, map(parse_article, article_files(articles)), collection=SHIPPED)
