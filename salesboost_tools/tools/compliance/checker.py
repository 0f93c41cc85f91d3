"""Find what rules object to in a text, and where it stands."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.compliance.characters import Folded, fold
from salesboost_tools.tools.compliance.chinese import is_han
from salesboost_tools.tools.compliance.lexicon import Lexicon, lexicon_of
from salesboost_tools.tools.compliance.pattern import END, Pattern, compiled, present_in
from salesboost_tools.tools.compliance.rule import Channel, Family, Jurisdiction, Rule
from salesboost_tools.tools.compliance.rule_folder import RuleBook
from salesboost_tools.tools.compliance.shapes import SHAPES
from salesboost_tools.tools.compliance.words import Word, words_of

Span = tuple[int, int]
_DENIED_WITHIN_WORDS = 4
_DENIALS = "denial"
"""Name of the list of words that deny what follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which rules are asked.

    Attributes:
        day: Rules not in force on it are left out.
        channel: How the text is sent; None asks the rules of all channels, except those about what is missing.
        jurisdiction: Whose law; None for all.
        families: None for all.
    """

    day: date
    channel: Channel | None = None
    jurisdiction: Jurisdiction | None = None
    families: frozenset[Family] | None = None

    def covers(self, rule: Rule) -> bool:
        """Return whether a rule is asked."""
        return (
            rule.effective.holds_on(self.day)
            and (self.channel is None or self.channel in rule.channels)
            and (self.jurisdiction is None or self.jurisdiction in rule.jurisdictions)
            and (self.families is None or rule.family in self.families)
            and (rule.missing is None or self.channel is not None)
        )


@dataclass(frozen=True, slots=True)
class Find:
    """A rule that a text breaks.

    Attributes:
        span: Where, in the original text, end exclusive; empty at the end of the text for something missing.
        sentence: The sentence it stands in, likewise.
    """

    rule: Rule
    span: Span
    sentence: Span


@dataclass(frozen=True, slots=True)
class _Compiled:
    rule: Rule
    patterns: tuple[Pattern, ...]
    together: tuple[tuple[Pattern, ...], ...]
    unless: tuple[Pattern, ...]
    when: tuple[Pattern, ...]
    one_of: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A text as its words, and the words joined by blanks."""

    folded: Folded
    words: Sequence[Word]
    joined: str
    word_at: dict[int, int]
    """Place in `joined` where a word begins -> which word."""
    present: frozenset[str]

    def spans(self, patterns: Iterable[Pattern]) -> Iterator[Span]:
        """Yield where phrases stand in the joined words."""
        for pattern in patterns:
            if pattern.may_be_in(self.present):
                yield from pattern.spans(self.joined)


class Checker:
    """Rules, ready to be asked.

    Args:
        book: The rules.

    Attributes:
        book: As given.
        rules: All of them, in the order of their files.
        patterns: All their phrases.

    Raises:
        ConfigurationError: A pattern cannot be read.
    """

    def __init__(self, book: RuleBook) -> None:
        lists = book.lists
        self.book = book
        self.rules = book.rules
        self._han = book.han
        self._rules = [_compiled(rule, lists) for rule in book.rules]
        self._denials = [compiled(phrase, lists) for phrase in lists.get(_DENIALS, [])]
        every = self.patterns = [*(pattern for rule in self._rules for pattern in _patterns_of(rule)), *self._denials]
        words = {word for pattern in every for word in pattern.words}
        stems = {stem for pattern in every for stem in pattern.stems}
        self._lexicon: Lexicon = lexicon_of(
            stems, (word for word in words if not is_han(word[0]) and len(word) > 1), book.common_words
        )
        phrases = {word for word in words if is_han(word[0])}
        self._spoken = {sound: phrase for phrase in sorted(phrases) if (sound := self._han.sound(phrase))}

    def finds(self, text: str, scope: Scope) -> list[Find]:
        """Return what the rules of a scope object to, in the order of the text.

        Linear in the length of the text: see `compliance.pattern` and `compliance.shapes`.
        """
        read = self._read(text)
        found = [find for rule in self._rules if scope.covers(rule.rule) for find in self._finds(text, read, rule)]
        return sorted(found, key=lambda find: (find.span, find.rule.id))

    def words(self, text: str) -> list[str]:
        """Return the words that are read in a text."""
        return [word.text for word in self._read(text).words]

    def _read(self, text: str) -> _Read:
        folded = fold(text)
        words = words_of(folded, self._lexicon, self._han, self._spoken)
        word_at: dict[int, int] = {}
        place = 0
        for number, word in enumerate(words):
            word_at[place] = number
            place += len(word.text) + 1
        present = present_in(word.text for word in words)
        return _Read(folded, words, "".join(f"{word.text} " for word in words), word_at, present)

    def _finds(self, text: str, read: _Read, asked: _Compiled) -> Iterator[Find]:
        places = [*read.spans(asked.patterns), *_together(asked.together, read)]
        excused = list(read.spans(asked.unless)) if places else []
        denied: list[Span] = []
        if places and asked.rule.negatable:
            denied = [_reach(read, span) for span in read.spans(self._denials)]
        for start, end in _merged(place for place in places if not _excused(place, excused, denied)):
            first, last = read.word_at[start], _last_word(read, end)
            yield self._find(text, read, asked.rule, (read.words[first].start, read.words[last].end))
        for span in _merged(span for shape in asked.rule.shapes for span in SHAPES[shape](read.folded.text)):
            yield self._find(text, read, asked.rule, span)
        if asked.when and _occurs(asked.when, read) and not _occurs(asked.one_of, read):
            yield Find(asked.rule, (len(text), len(text)), (len(text), len(text)))

    def _find(self, text: str, read: _Read, rule: Rule, span: Span) -> Find:
        start, end = read.folded.original_span(*span)
        return Find(rule, (start, end), _sentence(text, read, span))


def _compiled(rule: Rule, lists: dict[str, list[str]]) -> _Compiled:
    def all_of(sources: Iterable[str]) -> tuple[Pattern, ...]:
        try:
            return tuple(compiled(source, lists) for source in sources)
        except ConfigurationError as error:
            raise ConfigurationError(f"rule {rule.id}: {error}") from None

    missing = rule.missing
    return _Compiled(
        rule,
        all_of(rule.patterns),
        tuple(all_of(group) for group in rule.together),
        all_of(rule.unless),
        all_of(missing.when if missing else ()),
        all_of(missing.one_of if missing else ()),
    )


def _patterns_of(rule: _Compiled) -> Iterator[Pattern]:
    yield from (*rule.patterns, *chain(*rule.together), *rule.unless, *rule.when, *rule.one_of)


def _occurs(patterns: Iterable[Pattern], read: _Read) -> bool:
    return any(True for _ in read.spans(patterns))


def _together(groups: Sequence[Sequence[Pattern]], read: _Read) -> Iterator[Span]:
    """Yield the parts of sentences that hold a phrase of every group: from the first of the phrases to the last."""
    if not groups:
        return
    found = [list(read.spans(group)) for group in groups]
    start = 0
    for end in [place.start() for place in re.finditer(END, read.joined)]:
        here = [[span for span in spans if start <= span[0] and span[1] <= end] for spans in found]
        if all(here):
            within = [span for spans in here for span in spans]
            yield min(span[0] for span in within), max(span[1] for span in within)
        start = end


def _reach(read: _Read, denial: Span) -> Span:
    """Return how far a denial reaches: four words on, within its sentence, not itself."""
    number = _last_word(read, denial[1])
    end = denial[1]
    for word in read.words[number + 1 : number + 1 + _DENIED_WITHIN_WORDS]:
        if word.text == END:
            break
        end += len(word.text) + 1
    return denial[1], end


def _excused(place: Span, excuses: Iterable[Span], denied: Iterable[Span]) -> bool:
    """Return whether an excuse overlaps a place, or the place begins where a denial reaches."""
    overlapped = any(start < place[1] and place[0] < end for start, end in excuses)
    return overlapped or any(start <= place[0] < end for start, end in denied)


def _last_word(read: _Read, end: int) -> int:
    """Return the number of the word that ends, with its blank, at a place in the joined words."""
    after = read.word_at.get(end)
    return len(read.words) - 1 if after is None else after - 1


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans of one rule with those that overlap made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _sentence(text: str, read: _Read, span: Span) -> Span:
    """Return the sentence around a span of the folded text, as a span of the original one, its end sign included."""
    ends = [word for word in read.words if word.text == END]
    before = [word.end for word in ends if word.end <= span[0]]
    after = [word.end for word in ends if word.end >= span[1]]
    start = read.folded.ends[before[-1] - 1] if before else 0
    end = read.folded.ends[after[0] - 1] if after else len(text)
    while start < end and text[start].isspace():
        start += 1
    return start, end
