"""Outcomes on their way to other workers, as text."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

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
    """Words, flags and numbers of the context; None if nothing was known."""


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


def plain(context: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what policies look at of a context: words, flags and finite numbers; nothing else leaves the process."""
    if not context:
        return None
    return {name: value for name, value in context.items() if isinstance(value, str | bool | int | float)}


def told(lessons: Iterable[SharedLesson]) -> str:
    """Return lessons as text."""
    return json.dumps(
        [
            [each.group, each.arm, _shortened(each.outcome), each.used_at_s, each.heard_at_s, each.error, each.context]
            for each in lessons
        ],
        separators=(",", ":"),
    )


def heard(text: str) -> list[SharedLesson]:
    """Return the lessons of a text; those that cannot be read are left out, since the sums hold them anyway."""
    try:
        return [
            SharedLesson(str(group), str(arm), ArmStatistics(*outcome), float(used), float(known), error, context)
            for group, arm, outcome, used, known, error, context in json.loads(text)
        ]
    except (ValueError, TypeError):
        return []


def _shortened(outcome: ArmStatistics) -> list[float]:
    numbers = list(astuple(outcome))
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers
