"""Outcomes on their way to other workers, as text."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

from salesboost_tools.selection.arms import Note
from salesboost_tools.selection.statistics import ArmStatistics


class SharedLesson(NamedTuple):
    """One outcome, as other workers are told of it."""

    group: str
    arm: str
    outcome: ArmStatistics
    used_at_s: float
    """When the call was chosen, in seconds on the selectors' clocks."""
    heard_at_s: float
    """When its outcome was known."""
    error: str | None
    context: Mapping[str, Any] | None
    """What was known of the call: of another worker's its words, flags and numbers. None if nothing."""
    note: Note | None = None
    """What the policy noted on its choice, as JSON gives it back; None if nothing that JSON knows."""


def row_of(group: str, arm: str) -> str:
    """Return what a ledger calls an arm of a group."""
    return json.dumps([group, arm])


def arm_of(row: str) -> tuple[str, str] | None:
    """Return the group and arm of a row; None if it is none of ours."""
    try:
        group, arm = json.loads(row)
    except (ValueError, TypeError):
        return None
    return str(group), str(arm)


def amounts_of(statistics: ArmStatistics) -> tuple[float, ...]:
    """Return sums as a ledger adds them up."""
    return tuple(map(float, astuple(statistics)))


def statistics_from(amounts: Sequence[float]) -> ArmStatistics:
    """Return the sums a ledger holds."""
    return ArmStatistics(*amounts)


def _plain(context: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what policies look at of a context: words, flags and finite numbers; nothing else leaves the process."""
    if not context:
        return None
    return {name: value for name, value in context.items() if isinstance(value, str | bool | int | float)}


def told(lessons: Iterable[SharedLesson]) -> str:
    """Return lessons as text."""
    return json.dumps([_row(each) for each in lessons], separators=(",", ":"))


def heard(text: str) -> list[SharedLesson]:
    """Return the lessons of a text; those that cannot be read are left out, since the sums hold them anyway."""
    try:
        return [
            SharedLesson(
                str(group),
                str(arm),
                ArmStatistics(*outcome),
                float(used),
                float(known),
                error,
                context,
                Note(*note) if note else None,
            )
            for group, arm, outcome, used, known, error, context, *note in json.loads(text)
        ]
    except (ValueError, TypeError):
        return []


def _row(lesson: SharedLesson) -> list[Any]:
    row = [
        lesson.group,
        lesson.arm,
        _shortened(lesson.outcome),
        lesson.used_at_s,
        lesson.heard_at_s,
        lesson.error,
        _plain(lesson.context),
    ]
    return row if lesson.note is None or not _has_words_for(lesson.note) else [*row, *lesson.note]


def _has_words_for(note: Note) -> bool:
    """Return whether JSON can say it: a policy of one's own may note anything."""
    try:
        json.dumps(note)
    except (TypeError, ValueError):
        return False
    return True


def _shortened(outcome: ArmStatistics) -> list[float]:
    numbers = list(astuple(outcome))
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
