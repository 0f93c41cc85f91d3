"""Our answers to the objections: the battlecard's response, and the best sentences of our articles, word for word."""

import re
from collections.abc import Iterable, Sequence

from salesboost_tools.brief.account_brief import Answer, Statement
from salesboost_tools.brief.findings import Findings, Passage
from salesboost_tools.brief.heard import Heard
from salesboost_tools.brief.sources import card_key
from salesboost_tools.brief.writing.wording import quoted, shortened
from salesboost_tools.tools.knowledge.words import question_words

MOST_QUOTES = 8
MOST_QUOTES_PER_OBJECTION = 2
QUOTE_LETTERS = 260
_HEARD_LETTERS = 240

_MARKUP = re.compile(r"\*\*|__|`|^\s*(?:[-*]|\d+\.)\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s(?=[\"“(A-Z0-9])")


def our_answers(found: Findings, heard: Sequence[Heard]) -> tuple[Answer, ...]:
    """Return every objection heard with what we have to say to it; nothing is said twice.

    Articles are quoted once or twice for each: with many objections the brief must stay short.
    """
    used: set[str] = set()
    quotes = max(1, min(MOST_QUOTES_PER_OBJECTION, MOST_QUOTES // max(1, len(heard))))
    return tuple(
        Answer(
            objection=each.objection.name,
            heard=_heard(found, each),
            answers=(*_from_battlecard(found, each, used), *_from_articles(found, each, used, quotes)),
        )
        for each in heard
    )


def advice(found: Findings, question: str) -> Statement | None:
    """Return what our articles say to a question, word for word; None if it was not asked or has no answer."""
    passage = next((passage for passage in found.passages if passage.query == question), None)
    return None if passage is None else _cited(passage, question)


def plain(text: str) -> str:
    """Return an article's text without its marks: emphasis, bullets, line ends. What is quoted is part of this."""
    return " ".join(filter(None, map(_plain_line, text.splitlines())))


def best_excerpt(text: str, about: str, most: int = QUOTE_LETTERS) -> str:
    """Return the sentences of a passage that share most words with what they are to be about, word for word.

    They follow each other in one paragraph or point of a list and have at most so many letters; a single sentence
    that is longer is cut at a word.
    """
    wanted = _words(about)
    lines = map(_plain_line, text.splitlines())
    excerpts = [excerpt for line in lines for excerpt in _windows(_SENTENCE_END.split(line), most)]
    best = max(excerpts, key=lambda excerpt: len(_words(excerpt) & wanted), default="")
    return shortened(best, most)


def _plain_line(line: str) -> str:
    return " ".join(_MARKUP.sub("", line).split())


def _windows(every: Sequence[str], most: int) -> Iterable[str]:
    """Yield from each sentence on as many as fit; none that only announces a list."""
    telling = [sentence for sentence in every if not sentence.endswith(":")]
    for start in range(len(telling)):
        window = telling[start]
        for sentence in telling[start + 1 :]:
            if len(window) + 1 + len(sentence) > most:
                break
            window += f" {sentence}"
        yield window


def _heard(found: Findings, each: Heard) -> Statement:
    person = found.contact(each.contact_id)
    who = person.name if person else "In our CRM"
    text = f"{who}, {each.on}: {quoted(shortened(each.sentence, _HEARD_LETTERS))}"
    return Statement(text=text, cites=(each.source_id,))


def _from_battlecard(found: Findings, each: Heard, used: set[str]) -> Iterable[Statement]:
    card = found.cards.get("objections", {})
    for row in card.get("objections", ()):
        if each.objection.is_in(row["objection"]) and row["objection"] not in used:
            used.add(row["objection"])
            claims = row["claims"]
            yield Statement(
                text=row["response"],
                cites=(card_key(card), *(claim["id"] for claim in claims)),
                expired=any(claim["expired"] for claim in claims),
            )
            return


def _from_articles(found: Findings, each: Heard, used: set[str], quotes: int) -> Iterable[Statement]:
    question = each.objection.question
    asked = [passage for passage in found.passages if passage.query == question]
    # a model asks in its own words
    answering = asked or [passage for passage in found.passages if each.objection.is_in(passage.query)]
    fresh = [passage for passage in answering if passage.key not in used]
    for passage in fresh[:quotes]:
        used.add(passage.key)
        yield _cited(passage, f"{question} {each.sentence}")


def _cited(passage: Passage, about: str) -> Statement:
    return Statement(text=quoted(best_excerpt(passage.text, about)), cites=(passage.key,))


def _words(text: str) -> set[str]:
    """Return the telling words of a text, cut to six letters so that endings do not matter."""
    return {word[:6] for word in question_words(text)}
