"""STOP, START and their like: what a text message from a customer asks for."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from salesboost_tools.core.errors import ConfigurationError

_FILE = "sms_keywords.yaml"
_UNSEEN = frozenset({"Mn", "Cf"})
"""Unicode categories that are left out: accents and other marks, zero-width characters."""


class Asked(Enum):
    """What an inbound message asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words that count, in the form `bare` gives them."""

    stop: frozenset[str]
    start: frozenset[str]
    help: frozenset[str]

    def asked(self, text: str) -> Asked:
        """Return what a message asks for.

        The whole message counts, as carriers do it: "STOP." asks to stop, "please don't stop" does not. Case, accents,
        punctuation around the word and repeated blanks do not matter.
        """
        word = bare(text)
        if word in self.stop:
            return Asked.STOP
        if word in self.start:
            return Asked.START
        return Asked.HELP if word in self.help else Asked.NOTHING


def bare(text: str) -> str:
    """Return a text without case, accents, punctuation, surplus blanks and invisible characters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(" " if _separates(each) else each for each in folded if unicodedata.category(each) not in _UNSEEN)
    return unicodedata.normalize("NFC", " ".join(letters.split()))


def _separates(character: str) -> bool:
    return unicodedata.category(character)[0] in "PSZC"


@cache
def default_keywords() -> Keywords:
    """Return the shipped words."""
    return load_keywords(files("salesboost_tools") / "data" / _FILE)


def load_keywords(file: Traversable) -> Keywords:
    """Read the words of all languages from a YAML file: language -> {stop: [...], start: [...], help: [...]}.

    Raises:
        ConfigurationError: The file cannot be read, or a word asks for two things.
    """
    try:
        languages: Mapping[str, Mapping[str, Iterable[str]]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        stop, start, help_ = (
            frozenset(bare(word) for words in languages.values() for word in words.get(kind, ()))
            for kind in ("stop", "start", "help")
        )
    except (OSError, yaml.YAMLError, AttributeError, TypeError) as error:
        raise ConfigurationError(f"{file} cannot be read as keywords: {error}") from error
    if both := (stop & start) | (stop & help_) | (start & help_):
        raise ConfigurationError(f"{file}: these words ask for two things: {', '.join(sorted(both))}")
    return Keywords(stop, start, help_)
