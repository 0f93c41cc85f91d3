"""A text without what rules object to."""

from collections.abc import Callable, Sequence

from salesboost_tools.tools.compliance.checker import Find, Span

_TRIES = 6
NOTHING_LEFT = "[This text has to be written anew.]"
"""Stands for a text of which nothing could be kept."""


def rewritten(text: str, finds: Callable[[str], Sequence[Find]]) -> str:
    """Return a text that passes: sentences and places that break a rule are replaced as the rules say.

    It is checked again after every pass, because what is left may form a new phrase; then whole sentences go. A text
    that still does not pass is given up, so the answer passes in any case.

    Args:
        text: What to rewrite.
        finds: What the rules object to in a text.
    """
    for attempt in range(_TRIES):
        found = finds(text)
        if not found:
            return text
        text = _without(text, found, sentences=attempt > 1, silent=attempt > 2).strip() or NOTHING_LEFT
    return text if not finds(text) else NOTHING_LEFT


def _without(text: str, found: Sequence[Find], *, sentences: bool, silent: bool) -> str:
    edits: list[tuple[Span, str]] = []
    added: list[str] = []
    for find in found:
        if find.rule.missing is not None:
            added.append(find.rule.missing.add)
            continue
        whole = sentences or find.rule.whole_sentence
        edits.append((find.sentence if whole else find.span, "" if silent else find.rule.rewrite.strip()))
    said: set[str] = set()
    parts: list[str] = []
    at = 0
    for (start, end), instead in _apart(edits):
        parts.append(text[at:start])
        if instead not in said or not _ends_a_sentence(instead):
            parts.append(instead)
        said.add(instead)
        at = end
    return " ".join(["".join((*parts, text[at:])).strip(), *added])


def _apart(edits: Sequence[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """Return edits that do not overlap: of two that do, the wider replaces both."""
    kept: list[tuple[Span, str]] = []
    for span, instead in sorted(edits, key=lambda edit: (edit[0][0], -edit[0][1])):
        if kept and span[0] < kept[-1][0][1]:
            (start, end), first = kept[-1]
            kept[-1] = ((start, max(end, span[1])), first or instead)
        else:
            kept.append((span, instead))
    return kept


def _ends_a_sentence(text: str) -> bool:
    return text.endswith((".", "。"))
