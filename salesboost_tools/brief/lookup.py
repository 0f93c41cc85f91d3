"""Which account is meant: one lookup after another, until it is known or known to be unknown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from salesboost_tools.brief.calls import CRM, Call, crm
from salesboost_tools.brief.crm_records import Deal
from salesboost_tools.brief.findings import most_at_stake
from salesboost_tools.brief.tool_answers import ToolAnswer, records

_RECORD_ID = re.compile(r"[A-Z]{2,}-\S*\d\S*|\d+")
_BEGINNING_LETTERS = 3
_NAMED_AT_MOST = 5
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Identified:
    """The account is known."""

    account_id: str


@dataclass(frozen=True, slots=True)
class Asking:
    """The CRM has to be asked first."""

    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no such account, or the CRM did not say; `problem` tells a person what to do."""

    problem: str


Lookup = Identified | Asking | Unknown


def look_up(asked: str | None, answers: Sequence[ToolAnswer], *, stalled_days: int) -> Lookup:
    """Return what is known about which account is meant.

    Args:
        asked: A name, part of one, or an id; None or empty for the stalled open deal with most at stake.
        answers: What the CRM said so far.
        stalled_days: From how many days of silence a deal counts as stalled.
    """
    wanted = (asked or "").strip()
    if not wanted:
        return _most_urgent(answers, stalled_days)
    if _RECORD_ID.fullmatch(wanted):
        return _by_id(wanted, answers)
    return _by_name(wanted, answers)


def _most_urgent(answers: Sequence[ToolAnswer], stalled_days: int) -> Lookup:
    listed = _answer(answers, operation="list", record_type="deal", stalled_days=stalled_days)
    if listed is None:
        return Asking([crm("list", "deal", stalled_days=stalled_days, limit=_PAGE)])
    if not listed.ok:
        return Unknown(f"The CRM could not be asked for stalled deals: {listed.text}")
    deal = most_at_stake(Deal.of(row) for row in records([listed], "deal"))
    if deal is None:
        return Unknown(f"No open deal has been silent for {stalled_days} days or more. Name an account.")
    return Identified(deal.account_id)


def _by_id(wanted: str, answers: Sequence[ToolAnswer]) -> Lookup:
    got = _answer(answers, operation="get", record_type="account", record_id=wanted)
    if got is None:
        return Asking([crm("get", "account", record_id=wanted)])
    return Identified(str(got.data["record"]["id"])) if got.ok else Unknown(got.text)


def _by_name(wanted: str, answers: Sequence[ToolAnswer]) -> Lookup:
    found = _answer(answers, operation="search", record_type="account", query=wanted)
    if found is None:
        return Asking([crm("search", "account", query=wanted)])
    if not found.ok:
        return Unknown(f"The CRM could not be asked for {wanted!r}: {found.text}")
    names = {str(row["id"]): str(row["name"]) for row in records([found], "account")}
    exact = [key for key, name in names.items() if name.casefold() == wanted.casefold()]
    if len(exact) == 1 or len(names) == 1:
        return Identified((exact or list(names))[0])
    if names:
        more = " and more" if found.data.get("next_cursor") else ""
        return Unknown(f"{wanted!r} may be {_named(names)}{more}. Name one of them.")
    return _nearest(wanted, answers)


def _nearest(wanted: str, answers: Sequence[ToolAnswer]) -> Lookup:
    """Nobody is called so: say who is called nearly so."""
    beginning = wanted[:_BEGINNING_LETTERS]
    got = _answer(answers, operation="get", record_type="account", record_id=wanted[:64])
    alike = _answer(answers, operation="search", record_type="account", query=beginning, limit=_PAGE)
    if got is None or alike is None:
        return Asking(
            [
                crm("get", "account", record_id=wanted[:64]),
                crm("search", "account", query=beginning, limit=_PAGE),
            ]
        )
    if got.ok:
        return Identified(str(got.data["record"]["id"]))
    names = {str(row["id"]): str(row["name"]) for row in records([alike], "account")}
    near = sorted(names, key=lambda key: _likeness(wanted, names[key]), reverse=True)[:_NAMED_AT_MOST]
    others = {key: names[key] for key in near if key not in got.text}
    return Unknown(got.text + (f" Others that begin alike: {_named(others)}." if others else ""))


def _answer(answers: Sequence[ToolAnswer], **args: object) -> ToolAnswer | None:
    return next((answer for answer in answers if answer.asked(CRM, **args)), None)


def _likeness(wanted: str, name: str) -> float:
    return SequenceMatcher(None, wanted.casefold(), name.casefold()).ratio()


def _named(names: dict[str, str]) -> str:
    return ", ".join(f"{name!r} ({key})" for key, name in names.items())
