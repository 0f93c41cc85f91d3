"""A folder of compliance rules, read and checked as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml
from pydantic import ValidationError

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.compliance.chinese import Han, read_han
from salesboost_tools.tools.compliance.rule import Rule, RuleFile

_SHIPPED = files("salesboost_tools") / "data" / "compliance"
_WORDS, _CHARACTERS = "common_words.txt", "characters.yaml"


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything that stands in the folder, and what is known of words and characters."""

    rules: tuple[Rule, ...]
    lists: dict[str, list[str]]
    common_words: frozenset[str]
    han: Han


def read_rules(folder: Traversable | None = None) -> RuleBook:
    """Return the rules of a folder: every `*.yaml` in it, except files of characters.

    Args:
        folder: By default the shipped one. What it does not hold of `common_words.txt`, `characters.yaml` and lists
            comes from there; its rules replace the shipped ones.

    Raises:
        ConfigurationError: It cannot be read, holds no rules, or an entry is wrong; the message names file and entry.
    """
    source = folder or _SHIPPED
    parsed = list(_files(source))
    lists = {name: entries for _, file in (*_files(_SHIPPED), *parsed) for name, entries in file.lists.items()}
    rules = tuple(rule for _, file in parsed for rule in file.rules)
    ids = [rule.id for rule in rules]
    if not rules:
        raise ConfigurationError(f"the folder of compliance rules {source} holds no rules in *.yaml files")
    if twice := sorted({one for one in ids if ids.count(one) > 1}):
        raise ConfigurationError(f"the compliance rules in {source} use an id twice: {', '.join(twice)}")
    return RuleBook(rules, lists, _common_words(source), _han(source))


def _files(folder: Traversable) -> Iterator[tuple[str, RuleFile]]:
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
        for entry in entries:
            if entry.name.endswith(".yaml") and entry.name != _CHARACTERS:
                yield entry.name, _file(entry)
    except OSError as error:
        raise ConfigurationError(f"cannot read the folder of compliance rules {folder}: {error}") from error


def _file(entry: Traversable) -> RuleFile:
    try:
        return _parsed(entry.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"cannot read the compliance rules {entry.name}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        raise ConfigurationError(f"the compliance rules {entry.name} are wrong: {wrong}") from error


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=64)
def _parsed(text: str) -> RuleFile:
    """Return what stands in a file; the same text, which a probe reads again and again, is parsed once."""
    return RuleFile.model_validate(yaml.load(text, Loader=_LOADER) or {})  # noqa: S506  (a safe loader)


def _common_words(folder: Traversable) -> frozenset[str]:
    own = folder / _WORDS
    text = (own if own.is_file() else _SHIPPED / _WORDS).read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _han(folder: Traversable) -> Han:
    own = folder / _CHARACTERS
    return read_han(own if own.is_file() else _SHIPPED / _CHARACTERS)
