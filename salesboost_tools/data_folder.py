"""The data folder: where it can be written, and what of the user's own stands in it."""

import tempfile
from pathlib import Path

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.settings import Settings

PRICE_BOOK = "price_book.yaml"
BATTLECARDS = "battlecards"
KNOWLEDGE_FOLDER = "knowledge"


def make_usable(folder: Path) -> None:
    """Make the data folder, and see that files can be written there.

    Raises:
        ConfigurationError: They cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {folder} ({error.strerror}); name another folder in TOOL_DATA_DIR"
        ) from error


def own_price_book(settings: Settings) -> Path | None:
    """Return the user's price book; None if there is none.

    Raises:
        ConfigurationError: The one that a setting names is missing.
    """
    return _own(settings.price_book, "TOOL_PRICE_BOOK", settings.data_dir / PRICE_BOOK)


def own_battlecards(settings: Settings) -> Path | None:
    """Return the folder of the user's battlecards; None if there is none.

    Raises:
        ConfigurationError: The one that a setting names is missing.
    """
    return _own(settings.battlecards, "TOOL_BATTLECARDS", settings.data_dir / BATTLECARDS)


def own_documents(settings: Settings) -> Path | None:
    """Return the folder of the user's documents; None if there is none.

    Raises:
        ConfigurationError: The one that a setting names is missing.
    """
    return _own(settings.knowledge_dir, "TOOL_KNOWLEDGE_DIR", settings.data_dir / KNOWLEDGE_FOLDER)


def _own(named: Path | None, setting: str, usual: Path) -> Path | None:
    if named is None:
        return usual if usual.exists() else None
    if not named.exists():
        raise ConfigurationError(f"{setting}: there is no {named}")
    return named
