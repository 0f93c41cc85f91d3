"""Who may be texted: the ledger of consent, and what it says now."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from salesboost_tools.tools.sms.absent import insert_if_absent
from salesboost_tools.tools.sms.schema import consent_ledger, recipients
from salesboost_tools.tools.sms.vocabulary import Consent, Source


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of a person now.

    Attributes:
        consent: The last word.
        by_recipient: It came from the person; then only the person can take it back.
    """

    consent: Consent = Consent.NONE
    by_recipient: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the ledger.

    Attributes:
        evidence: How it is known: where, when and to which words somebody agreed; the word they texted.
        reference: Names what the entry came from, so that it is entered once.
    """

    consent: Consent
    source: Source
    evidence: str = field(repr=False)
    at: datetime
    reference: str | None = None
    actor: str | None = None
    actor_role: str | None = None


def standing(connection: Connection, tenant_id: str, number: str) -> Standing:
    """Return what the ledger says of a person now."""
    row = connection.execute(_row_of(tenant_id, number)).mappings().one_or_none()
    return Standing() if row is None else Standing(Consent(row["consent"]), row["by_recipient"])


def locked_standing(connection: Connection, tenant_id: str, number: str, now: datetime) -> Standing:
    """Return what the ledger says of a person, who stays as they are until this transaction ends.

    Everybody who sends to a person or changes their consent comes by here first: so a cap holds however many send at
    once, and nothing is begun after a STOP that has been recorded.
    """
    unknown = {"consent": Consent.NONE, "by_recipient": False, "updated_at": now}
    insert_if_absent(
        connection, recipients, {"tenant_id": tenant_id, "number": number, **unknown}, ("tenant_id", "number")
    )
    row = connection.execute(_row_of(tenant_id, number).with_for_update()).mappings().one()
    return Standing(Consent(row["consent"]), row["by_recipient"])


def enter(connection: Connection, tenant_id: str, number: str, entry: Entry) -> bool:
    """Add an entry to the ledger and return whether it was new; the person must be locked already."""
    values = {
        "tenant_id": tenant_id,
        "number": number,
        "at": entry.at,
        "consent": entry.consent,
        "source": entry.source,
        "evidence": entry.evidence,
        "reference": entry.reference,
        "actor": entry.actor,
        "actor_role": entry.actor_role,
    }
    if entry.reference is None:
        connection.execute(insert(consent_ledger).values(**values))
    elif not insert_if_absent(connection, consent_ledger, values, ("tenant_id", "number", "reference")):
        return False
    connection.execute(
        update(recipients)
        .where(recipients.c.tenant_id == tenant_id, recipients.c.number == number)
        .values(
            consent=entry.consent,
            by_recipient=entry.source in {Source.RECIPIENT, Source.PROVIDER},
            updated_at=entry.at,
        )
    )
    return True


def tenants_that_know(connection: Connection, number: str) -> list[str]:
    """Return the tenants that have a row for this person, in one order for all: so two callbacks never deadlock."""
    found = connection.execute(
        select(recipients.c.tenant_id).where(recipients.c.number == number).order_by(recipients.c.tenant_id)
    )
    return list(found.scalars())


def _row_of(tenant_id: str, number: str):  # noqa: ANN202  (a select of two columns)
    return select(recipients.c.consent, recipients.c.by_recipient).where(
        recipients.c.tenant_id == tenant_id, recipients.c.number == number
    )
