"""The CRM's answers as values. Only what a brief looks at."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES, CUSTOMER_CONTACT

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A company."""

    id: str
    name: str
    industry: str | None
    employees: int | None
    city: str | None
    country: str | None
    status: str | None
    owner_id: str | None

    @classmethod
    def of(cls, row: Row) -> "Account":
        """Read one record."""
        names = ("industry", "employees", "city", "country", "status", "owner_id")
        return cls(id=row["id"], name=row["name"], **{name: row.get(name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at the account."""

    id: str
    name: str
    title: str
    role: str
    """Part in the decision: economic_buyer, champion, …; empty if unknown."""
    channel: str | None
    """How they like to be reached: email, phone, text."""
    consent: str
    """To e-mail: given, withdrawn, unknown."""

    @classmethod
    def of(cls, row: Row) -> "Contact":
        """Read one record."""
        return cls(
            id=row["id"],
            name=f"{row['first_name']} {row['last_name']}",
            title=row.get("title") or "",
            role=row.get("buying_role") or "",
            channel=row.get("preferred_channel"),
            consent=row.get("email_consent") or "unknown",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """Something that may be sold."""

    id: str
    name: str
    account_id: str
    account_name: str
    stage: str
    amount: Decimal
    currency: str
    lines: tuple[tuple[str, int], ...]
    """Product code and number of units."""
    owner_id: str
    competitor: str | None
    next_step: str | None
    close_date: date
    slips: int
    close_reason: str | None
    silent_days: int
    """Since the last call, meeting or mail from the customer."""

    @classmethod
    def of(cls, row: Row) -> "Deal":
        """Read one record."""
        return cls(
            id=row["id"],
            name=row["name"],
            account_id=row["account"]["id"],
            account_name=row["account"]["name"],
            stage=row["stage"],
            amount=Decimal(row["amount"]["amount"]),
            currency=row["amount"]["currency"],
            lines=tuple((line["sku"], line["quantity"]) for line in row.get("line_items") or ()),
            owner_id=row.get("owner_id") or "nobody",
            competitor=row.get("competitor"),
            next_step=row.get("next_step"),
            close_date=date.fromisoformat(row["close_date"]),
            slips=row.get("close_date_slips") or 0,
            close_reason=row.get("close_reason"),
            silent_days=row["days_since_activity"],
        )

    @property
    def is_open(self) -> bool:
        """Whether it is neither won nor lost."""
        return self.stage not in CLOSED_STAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """A mail, call, meeting, note or task."""

    id: str
    kind: str
    direction: str | None
    subject: str
    body: str
    body_is_complete: bool
    status: str | None
    owner_id: str | None
    deal_id: str | None
    contact_id: str | None
    at: datetime
    due_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "Activity":
        """Read one record."""
        due_at = row.get("due_at")
        names = ("direction", "status", "owner_id", "deal_id", "contact_id")
        return cls(
            id=row["id"],
            kind=row["kind"],
            subject=row.get("subject") or "",
            body=row.get("body") or "",
            body_is_complete=row.get("body_is_complete", True),
            at=datetime.fromisoformat(row["occurred_at"]),
            due_at=None if due_at is None else datetime.fromisoformat(due_at),
            **{name: row.get(name) for name in names},
        )

    @property
    def is_sent_mail(self) -> bool:
        """A mail of ours."""
        return self.kind == "email" and self.direction == "outbound"

    @property
    def is_two_way(self) -> bool:
        """A conversation, or a mail from the customer: what the CRM counts when it calls a deal stalled."""
        return self.kind in CUSTOMER_CONTACT and not self.is_sent_mail

    @property
    def is_open_task(self) -> bool:
        """Something that still has to be done."""
        return self.kind == "task" and self.status != "done"
