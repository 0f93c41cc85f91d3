"""From folded text to the words a reader sees: disguises are taken off, every word keeps its place.

Taken off are digits and signs that stand for letters, letters spaced out or joined by dots, words broken by a blank or
run together, stretched letters, a letter left out, Chinese characters set apart or spelt in Pinyin.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

from salesboost_tools.tools.compliance.characters import Folded
from salesboost_tools.tools.compliance.chinese import Han, is_han
from salesboost_tools.tools.compliance.lexicon import LEET, Lexicon, unstretched
from salesboost_tools.tools.compliance.pattern import END

_AROUND: Final = "\"'()[]{}<>,:;.!?*_~-/\\&=…·"
_TRAILING: Final = re.compile(r"[\"')\]}>,:;.!?*…]++\Z")
_SENTENCE_END: Final = re.compile(r"[.!?;。]")
_ABBREVIATIONS: Final = frozenset(
    {"no", "nr", "mr", "mrs", "ms", "dr", "st", "inc", "ltd", "co", "corp", "vs", "e.g", "i.e", "tel", "ext", "ref"}
)
_NUMBER = re.compile(
    r"(?P<money>[$])?(?P<digits>\d[\d.,]*+)(?P<unit>%|am|pm|x|k|m|bn|st|nd|rd|th|h|d|w|p|s|usd|eur|gbp|gb|mb|ms|min)?"
)
_O_FOR_ZERO: Final = str.maketrans("oil|", "0111")
_PIECES_OF_A_BROKEN_WORD = 4
_SHORTEST_MENDED = 6
_SHORTEST_RUN = 3
_LONGEST_SOUND = 8
_TELLING_LETTERS = 4
"""A part of a word that was run together means something from so many letters on."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is read, and where it stands in the folded text; `END` for the end of a sentence."""

    text: str
    start: int
    end: int


def words_of(folded: Folded, lexicon: Lexicon, han: Han, spoken: Mapping[str, str]) -> list[Word]:
    """Return the words of folded text, in order.

    Args:
        folded: The text.
        lexicon: Words that are looked for beneath disguises.
        han: Single Chinese characters.
        spoken: How Chinese phrases of the rules sound -> the phrase.
    """
    raw = list(_raw(folded.text, han))
    read = list(_read_each(_together(raw), lexicon))
    mended = list(_mended(read, lexicon))
    words = list(_heard(mended, han, spoken)) if spoken else mended
    if words and words[-1].text != END:
        words.append(Word(END, words[-1].end - 1, words[-1].end))
    return words


def _raw(text: str, han: Han) -> Iterator[Word]:
    """Yield chunks between blanks, Chinese characters one by one, and ends of sentences."""
    at = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            if text.startswith("\n\n", at):
                yield Word(END, at, at + 1)
            at += 1
        elif is_han(character):
            yield Word(han.simple.get(character, character), at, at + 1)
            at += 1
        elif character == "。":
            yield Word(END, at, at + 1)
            at += 1
        else:
            end = at
            while end < len(text) and not text[end].isspace() and not is_han(text[end]) and text[end] != "。":
                end += 1
            yield from _chunk(text, at, end)
            at = end


def _chunk(text: str, start: int, end: int) -> Iterator[Word]:
    """Yield a chunk without what stands around it, and the end of a sentence if it is followed by one."""
    trailing = _TRAILING.search(text, start, end)
    inner_end = trailing.start() if trailing else end
    inner_start = start
    while inner_start < inner_end and text[inner_start] in _AROUND:
        inner_start += 1
    if inner_start < inner_end:
        yield Word(text[inner_start:inner_end], inner_start, inner_end)
    if text[inner_start:inner_end] in _ABBREVIATIONS and text[inner_end:end] == ".":
        return
    between_characters = start > 0 and is_han(text[start - 1]) and end < len(text) and is_han(text[end])
    if trailing and _SENTENCE_END.search(trailing.group()) and not (between_characters and "." in trailing.group()):
        yield Word(END, inner_end, end)


def _together(words: Sequence[Word]) -> list[list[Word]]:
    """Return words one by one, except single letters in a row: those are one group, cut at wider gaps."""
    groups: list[list[Word]] = []
    run: list[Word] = []
    for word in words:
        if _is_letter(word.text):
            run.append(word)
            continue
        groups += _cut_at_gaps(run)
        run = []
        groups.append([word])
    return groups + _cut_at_gaps(run)


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text != END and not is_han(text) and (text.isalpha() or text in LEET)


def _cut_at_gaps(run: list[Word]) -> list[list[Word]]:
    if len(run) < _SHORTEST_RUN:
        return [[word] for word in run]
    gaps = [after.start - before.end for before, after in itertools.pairwise(run)]
    narrow = min(gaps)
    groups = [[run[0]]]
    for gap, word in zip(gaps, run[1:], strict=True):
        if gap > narrow:
            groups.append([])
        groups[-1].append(word)
    return groups


def _read_each(groups: list[list[Word]], lexicon: Lexicon) -> Iterator[Word]:
    for group in groups:
        if len(group) > 1:
            yield from _spelt(group, lexicon)
        else:
            yield from _read(group[0], lexicon)


def _spelt(letters: Sequence[Word], lexicon: Lexicon) -> Iterator[Word]:
    """Yield the words that single letters spell; their places are those of the letters."""
    text = "".join(letter.text for letter in letters)
    if text.isdigit():
        yield Word(text, letters[0].start, letters[-1].end)
        return
    known = lexicon.recognised(text)
    parts = [known] if known else lexicon.split(_letters_only(text), gaps=True)
    if known or parts is None:
        yield Word(known or text, letters[0].start, letters[-1].end)
        return
    at = 0
    for part in parts:
        yield Word(part, letters[at].start, letters[at + len(part) - 1].end)
        at += len(part)


def _letters_only(text: str) -> str:
    return text.translate(_LETTER_FOR)


_LETTER_FOR: Final = str.maketrans("4@8(<3690#1!|5$7+2", "aabccegghoiilssttz".replace("gghoiil", "ggohiil"))


def _read(word: Word, lexicon: Lexicon) -> Iterator[Word]:
    """Yield the words that one chunk holds."""
    text = word.text
    if text == END or is_han(text[0]) or lexicon.knows(text):
        yield word
        return
    if text.isalpha():
        known = lexicon.recognised(text)
        yield from [Word(known, word.start, word.end)] if known else _run_together(word, lexicon)
        return
    if number := _NUMBER.fullmatch(_zeros(text)):
        yield from _number(word, number)
        return
    bare = text.replace("'", "")
    if known := lexicon.recognised(bare):
        yield Word(known, word.start, word.end)
        return
    yield from _in_pieces(word, lexicon)


def _zeros(text: str) -> str:
    """Return a number with letters that stand for digits put right: `10O%` is 100 %."""
    digits = sum(character.isdigit() for character in text)
    strange = sum(character in "oil|" for character in text)
    return text.translate(_O_FOR_ZERO) if digits >= max(1, strange) and text[0].isdigit() else text


def _number(word: Word, number: re.Match[str]) -> Iterator[Word]:
    if number["money"]:
        yield Word("$", word.start, word.start + 1)
    begin = word.start + number.start("digits")
    yield Word(number["digits"].rstrip(".,"), begin, word.start + number.end("digits"))
    if number["unit"]:
        yield Word(number["unit"], word.start + number.start("unit"), word.end)


def _in_pieces(word: Word, lexicon: Lexicon) -> Iterator[Word]:
    """Yield the pieces between signs, unless together they are a word that the signs hide."""
    pieces = list(_pieces(word))
    if len(pieces) > 1 and (
        all(len(piece.text) == 1 for piece in pieces)
        or not all(lexicon.knows(piece.text) or piece.text.isdigit() for piece in pieces)
    ):
        joined = "".join(piece.text for piece in pieces)
        if known := _masked(pieces, lexicon) or lexicon.recognised(joined):
            yield Word(known, word.start, word.end)
            return
        if all(len(piece.text) == 1 for piece in pieces) and len(pieces) >= _SHORTEST_RUN:
            yield from _spelt(pieces, lexicon)
            return
    for piece in pieces:
        known = lexicon.recognised(piece.text)
        yield from [Word(known, piece.start, piece.end)] if known else _run_together(piece, lexicon)


def _masked(pieces: Sequence[Word], lexicon: Lexicon) -> str | None:
    """Return the word of which a sign hides one letter: `con*ent`."""
    if len(pieces) != 2 or pieces[1].start - pieces[0].end != 1:
        return None
    candidates = [f"{pieces[0].text}{letter}{pieces[1].text}" for letter in ascii_lowercase]
    return next((word for word in candidates if len(word) >= _SHORTEST_MENDED and word in lexicon.words), None)


def _pieces(word: Word) -> Iterator[Word]:
    """Yield runs of letters, digits and signs that stand for letters; other signs part them."""
    text, at = word.text, 0
    while at < len(text):
        end = at
        while end < len(text) and (text[end].isalnum() or text[end] in "@$!|" or text[end] == "'"):
            end += 1
        if end > at:
            yield Word(text[at:end].replace("'", ""), word.start + at, word.start + end)
        elif text[at] == "%":
            yield Word("%", word.start + at, word.start + at + 1)
        at = max(end, at + 1)


def _run_together(word: Word, lexicon: Lexicon) -> Iterator[Word]:
    """Yield a long unknown word as the known words it is made of, if one of them is long enough to mean something."""
    for text in dict.fromkeys((word.text, *unstretched(word.text))):
        parts = lexicon.split(text, gaps=False) if len(text) >= 2 * _TELLING_LETTERS and text.isalpha() else None
        if parts is None or not any(part in lexicon.words and len(part) >= _TELLING_LETTERS for part in parts):
            continue
        whole = text != word.text  # where its parts stood is lost with the letters that were cut
        at = word.start
        for part in parts:
            yield Word(part, word.start if whole else at, word.end if whole else at + len(part))
            at += len(part)
        return
    yield word


def _mended(words: Sequence[Word], lexicon: Lexicon) -> Iterator[Word]:
    """Yield words with those put together that were broken by a blank."""
    at = 0
    while at < len(words):
        count = _broken(words, at, lexicon)
        if count == 1:
            yield words[at]
        else:
            text = "".join(word.text for word in words[at : at + count])
            yield Word(lexicon.recognised(text) or text, words[at].start, words[at + count - 1].end)
        at += count


def _broken(words: Sequence[Word], at: int, lexicon: Lexicon) -> int:
    """Return how many pieces from `at` on are one broken word; 1 if it is whole."""
    text = words[at].text
    unknown = not lexicon.knows(text)
    if not text.isascii() or not text.isalnum():
        return 1
    for count in range(2, _PIECES_OF_A_BROKEN_WORD + 1):
        if at + count > len(words):
            return 1
        piece = words[at + count - 1].text
        if not piece.isascii() or not piece.isalnum():
            return 1
        text += piece
        if count == 2 and piece == "t" and text in lexicon.words:  # `can ' t`
            return count
        unknown = unknown or not lexicon.knows(piece)
        shortest = _SHORTEST_MENDED if unknown else _SHORTEST_MENDED + 1
        if len(text) >= shortest and (
            text in lexicon.words or (unknown and not text.isalpha() and lexicon.recognised(text) in lexicon.words)
        ):
            return count
    return 1


def _heard(words: Sequence[Word], han: Han, spoken: Mapping[str, str]) -> Iterator[Word]:
    """Yield words with Pinyin, and Chinese that only sounds like a phrase of the rules, written as that phrase."""
    at = 0
    while at < len(words):
        phrase, count = _phrase_at(words, at, han, spoken)
        if phrase is None:
            yield words[at]
            at += 1
            continue
        start, end = words[at].start, words[at + count - 1].end
        yield from (Word(character, start, end) for character in phrase)
        at += count


def _phrase_at(words: Sequence[Word], at: int, han: Han, spoken: Mapping[str, str]) -> tuple[str | None, int]:
    sound, letters = "", 0
    best: tuple[str | None, int] = (None, 1)
    for count in range(1, min(_LONGEST_SOUND, len(words) - at) + 1):
        text = words[at + count - 1].text
        heard = han.sound(text) if text != END and text.isalpha() else None
        if heard is None:
            break
        sound += heard
        letters += 0 if is_han(text[0]) else len(text)
        phrase = spoken.get(sound)
        if phrase is not None and _means_it(phrase, words[at : at + count], letters):
            best = (phrase, count)
    return best


def _means_it(phrase: str, words: Sequence[Word], letters: int) -> bool:
    """Return whether words that sound like a phrase stand for it, and not for something else."""
    if letters == 0:  # other characters of the same sound: only a long phrase is no coincidence
        return len(phrase) >= 4 and "".join(word.text for word in words) != phrase
    alone = letters >= 7 or (letters >= 5 and len(words) > 1)
    return len(phrase) >= 2 and (alone or any(is_han(word.text[0]) for word in words))
