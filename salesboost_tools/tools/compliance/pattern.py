r"""Phrases that rules look for: a small language that cannot be slow, whoever writes the rules.

| Written | Means |
|---|---|
| `guarantee` | this word |
| `guarantee*` | words that begin so |
| `(win\\|hit quota)` | one of these phrases |
| `{result}` | one of the phrases of a list |
| `word?`, `(a\\|b)?` | may be missing |
| `..3` | up to three further words of the same sentence; all gaps of a pattern may have 600 ways at most |
| `<number>`, `<percent>`, `<money>` | a number; a percent sign or word; a currency sign |
| `<code>` | letters and digits mixed, as in a password |
| `<end>` | the end of a sentence |
| `保证` | these Chinese characters, one after the other |

A pattern becomes a regular expression over words joined by blanks. Every repetition in it is possessive or bounded, so
the time grows with the length of the text and not faster.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.compliance.chinese import is_han

END = "¶"
"""The word that stands for the end of a sentence."""
_WAYS_AT_MOST = 600
"""Product over the gaps of a pattern of how many words each may take: what one place in a text costs at most."""
_GAP_AT_MOST = 8
_PART = re.compile(r"\s*+(?:(?P<gap>\.\.(?P<most>\d))|\{(?P<list>\w+)\}|(?P<sign>[()|?])|(?P<word>[^\s(){}|?]+))")
_CLASSES = {
    "<number>": r"[0-9][^ ]*+ ",
    "<percent>": r"(?:%|percent|pct|x|fold|times) ",
    "<money>": r"(?:\$|usd|eur|dollars|euros) ",
    "<code>": r"(?=[^ 0-9]*+[0-9])(?=[^ a-z]*+[a-z])[^ ]++ ",
    "<end>": f"{END} ",
}
_NEST_AT_MOST = 5


@dataclass(frozen=True)
class Pattern:
    """A phrase, ready to be looked for.

    Attributes:
        source: As it was written.
        body: As a regular expression, without the condition that it begins at a word.
        stems: Beginnings of words that stand in it.
        words: Whole words that stand in it; Chinese ones as they follow one another.
        needs: Words and `stems*` of which a text must hold one for the phrase to be there; None if nothing is known.
    """

    source: str
    body: str
    stems: frozenset[str]
    words: frozenset[str]
    needs: frozenset[str] | None

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The compiled expression; made when a text first holds what the phrase needs, which for most is never."""
        return re.compile(f"(?<![^ ]){self.body}")

    def may_be_in(self, present: frozenset[str]) -> bool:
        """Return whether a text of which `present_in` is known may hold the phrase."""
        return self.needs is None or not self.needs.isdisjoint(present)

    def spans(self, joined: str) -> Iterator[tuple[int, int]]:
        """Yield where the phrase stands in words that are joined by single blanks and end with one."""
        yield from (found.span() for found in self.expression.finditer(joined))


def compiled(source: str, lists: Mapping[str, Iterable[str]]) -> Pattern:
    """Return a phrase as a pattern.

    Args:
        source: The phrase.
        lists: Name -> phrases that `{name}` stands for.

    Raises:
        ConfigurationError: It cannot be read; the message says where.
    """
    reader = _Reader(source, lists)
    body = reader.sequence(depth=0)
    if reader.rest():
        raise _unreadable(source, f"there is an unmatched `)` or `|` before {reader.rest()!r}")
    if reader.ways > _WAYS_AT_MOST:
        raise _unreadable(source, f"its gaps can be filled in {reader.ways} ways; {_WAYS_AT_MOST} are allowed")
    if body.may_be_empty:
        raise _unreadable(source, "it matches nothing at all, because every part may be missing")
    return Pattern(source, body.expression, frozenset(reader.stems), frozenset(reader.words), body.needs)


def present_in(words: Iterable[str]) -> frozenset[str]:
    """Return what `Pattern.needs` is compared with: words, and their beginnings with a star."""
    present: set[str] = set()
    for word in words:
        present.add(word)
        present.update(f"{word[:end]}*" for end in range(1, len(word) + 1))
    return frozenset(present)


class _Piece(NamedTuple):
    """A part of a phrase as an expression, and what it needs (see `Pattern.needs`)."""

    expression: str
    needs: frozenset[str] | None = None
    may_be_empty: bool = False


def _all_of(parts: Sequence[_Piece]) -> _Piece:
    known = [part.needs for part in parts if part.needs is not None]
    return _Piece(
        "".join(part.expression for part in parts),
        min(known, key=len) if known else None,
        all(part.may_be_empty for part in parts),
    )


def _one_of(parts: Sequence[_Piece]) -> _Piece:
    needs = [part.needs for part in parts]
    known = None if None in needs else frozenset(chain.from_iterable(each for each in needs if each))
    joined = "|".join(part.expression for part in parts)
    return _Piece(f"(?:{joined})", known, any(part.may_be_empty for part in parts))


class _Reader:
    """Reads one phrase from left to right."""

    def __init__(self, source: str, lists: Mapping[str, Iterable[str]], seen: tuple[str, ...] = ()) -> None:
        self._source, self._lists, self._seen = source, lists, seen
        self._at = 0
        self.ways = 1
        self.stems: set[str] = set()
        self.words: set[str] = set()

    def rest(self) -> str:
        """Return what is not read yet."""
        return self._source[self._at :].strip()

    def sequence(self, depth: int) -> _Piece:
        """Return the expression up to the next `|` or `)`."""
        if depth > _NEST_AT_MOST:
            raise _unreadable(self._source, "it is nested too deeply")
        parts: list[_Piece] = []
        while self.rest():
            part = _PART.match(self._source, self._at)
            if part is None:
                raise _unreadable(self._source, f"cannot read {self.rest()!r}")
            if part["sign"] in {"|", ")"}:
                break
            self._at = part.end()
            if part["sign"] == "?":
                if not parts:
                    raise _unreadable(self._source, "`?` stands after what may be missing")
                parts[-1] = _Piece(f"(?:{parts[-1].expression})?", None, may_be_empty=True)
            else:
                parts.append(self._part(part, depth))
        return _all_of(parts)

    def _part(self, part: re.Match[str], depth: int) -> _Piece:
        if part["gap"]:
            self.ways *= int(part["most"]) + 1
            if int(part["most"]) > _GAP_AT_MOST:
                raise _unreadable(self._source, f"a gap spans {_GAP_AT_MOST} words at most")
            return _Piece(rf"(?:(?!{END})[^ ]++ ){{0,{part['most']}}}", None, may_be_empty=True)
        if part["list"]:
            return self._listed(part["list"])
        if part["sign"] == "(":
            return self._group(depth)
        return self._word(part["word"])

    def _group(self, depth: int) -> _Piece:
        phrases = [self.sequence(depth + 1)]
        while self._take("|"):
            phrases.append(self.sequence(depth + 1))
        if not self._take(")"):
            raise _unreadable(self._source, "a `(` is not closed")
        return _one_of(phrases)

    def _take(self, sign: str) -> bool:
        part = _PART.match(self._source, self._at)
        if part is None or part["sign"] != sign:
            return False
        self._at = part.end()
        return True

    def _listed(self, name: str) -> _Piece:
        if name not in self._lists:
            raise _unreadable(self._source, f"there is no list {name!r}; there are {', '.join(sorted(self._lists))}")
        if name in self._seen:
            raise _unreadable(self._source, f"the list {name!r} holds itself")
        phrases: list[_Piece] = []
        for entry in self._lists[name]:
            reader = _Reader(entry, self._lists, (*self._seen, name))
            phrases.append(reader.sequence(depth=0))
            if reader.rest() or reader.ways > 1:
                raise _unreadable(entry, f"an entry of the list {name!r} has neither gaps nor unmatched signs")
            self.stems |= reader.stems
            self.words |= reader.words
        return _one_of(phrases)

    def _word(self, written: str) -> _Piece:
        if written in _CLASSES:
            return _Piece(_CLASSES[written])
        word, stem = written.rstrip("*").casefold().replace("'", ""), written.endswith("*")
        if any(is_han(character) for character in word):
            self.words.add(word)
            return _Piece("".join(f"{re.escape(character)} " for character in word), frozenset(word[:1]))
        if not word.isalnum():
            raise _unreadable(self._source, f"{written!r} is no word; write words of letters and digits")
        (self.stems if stem else self.words).add(word)
        return _Piece(f"{re.escape(word)}{'[^ ]*+' if stem else ''} ", frozenset([f"{word}*" if stem else word]))


def _unreadable(source: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"the compliance pattern {source!r} cannot be used: {why}")
