"""Findings made by hand, for rules that are looked at alone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from salesboost_tools.brief.calls import CRM
from salesboost_tools.brief.crm_records import Account, Activity, Contact, Deal
from salesboost_tools.brief.findings import Findings, Passage
from salesboost_tools.brief.tool_answers import ToolAnswer

NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)


def account(**changes):
    known = {"id": "A-1", "name": "Ferrowick", "industry": "steel", "employees": 40, "city": "Leeds", "country": "GB"}
    return Account(**{**known, "status": "prospect", "owner_id": "REP-1", **changes})


def deal(**changes):
    known = {
        "id": "D-1",
        "name": "Ferrowick, Pipeline Team",
        "account_id": "A-1",
        "account_name": "Ferrowick",
        "stage": "proposal",
        "amount": Decimal("1000.00"),
        "currency": "USD",
        "lines": (("PIPE-TEAM", 10),),
        "owner_id": "REP-1",
        "competitor": "Dealharbor",
        "next_step": None,
        "close_date": date(2026, 7, 31),
        "slips": 0,
        "close_reason": None,
        "silent_days": 40,
    }
    return Deal(**{**known, **changes})


def contact(number=1, role="champion", **changes):
    known = {"id": f"C-{number}", "name": f"Person {number}", "title": "Head", "role": role}
    return Contact(**{**known, "channel": "email", "consent": "given", **changes})


def activity(number, body="", *, days_ago=10, kind="call", **changes):
    known = {
        "id": f"T-{number}",
        "kind": kind,
        "direction": None,
        "subject": f"Subject {number}",
        "body": body,
        "body_is_complete": True,
        "status": None,
        "owner_id": "REP-1",
        "deal_id": "D-1",
        "contact_id": "C-1",
        "at": NOW - timedelta(days=days_ago),
        "due_at": None,
    }
    return Activity(**{**known, **changes})


def passage(query="q", text="A sentence.", **changes):
    known = {"document": "KB-1", "section": "How", "version": "1.0", "title": "An article", "updated": "2026-01-02"}
    return Passage(query=query, text=text, **{**known, **changes})


def findings(**changes):
    """Return findings about one account with one open deal; activities may come in any order."""
    known = {
        "answers": (),
        "as_of": NOW,
        "account_id": "A-1",
        "account": account(),
        "deal": deal(),
        "contacts": (contact(),),
        "activities": (),
        "other_deals": (),
        "passages": (),
        "cards": {},
        "quotes": (),
        **changes,
    }
    known.setdefault("deals", (known["deal"],) if known["deal"] else ())
    known["activities"] = tuple(sorted(known["activities"], key=lambda each: each.at, reverse=True))
    return Findings(**known)


def answer(args, data=None, *, tool=CRM, error=None, call_id="c"):
    """Return what a tool said; with an error it failed."""
    return ToolAnswer(call_id, tool, args, error is None, error or "{}", data or {})
