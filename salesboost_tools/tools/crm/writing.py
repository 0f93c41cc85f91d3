"""What each writing operation checks and changes. Each function runs inside one transaction, sync or async alike."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.change import Change, apply, create
from salesboost_tools.tools.crm.commands import AddActivity, Create, MoveDeal, Update
from salesboost_tools.tools.crm.deal_rule import move, slipped
from salesboost_tools.tools.crm.reading import known
from salesboost_tools.tools.crm.records import Row
from salesboost_tools.tools.crm.scope import Scope, ask
from salesboost_tools.tools.crm.vocabulary import OPEN_STAGES, Created
from salesboost_tools.tools.pricing.money import Rounding, digits_of, major_units, minor_units

NewId = Callable[[str], str]
"""Prefix -> an id that nobody else has made."""

_PREFIXES: Mapping[Created, str] = {"account": "ACC", "contact": "CON", "deal": "DEAL"}
_LEFT_EMPTY: Mapping[Created, tuple[str, ...]] = {
    "account": (
        "domain",
        "industry",
        "employees",
        "annual_revenue_minor",
        "country",
        "city",
        "time_zone",
        "phone",
        "owner_id",
    ),
    "contact": ("email", "phone", "title", "buying_role", "preferred_channel"),
    "deal": ("owner_id", "competitor", "close_reason", "next_step", "closed_at"),
}
"""Columns that are empty in a new record that does not name them."""


def add_activity(connection: Connection, asked: AddActivity, scope: Scope, new_id: NewId) -> dict[str, Any]:
    """Write a note or a task on an account or a deal.

    Raises:
        ToolInputError: An unknown account, deal or contact, or ones that do not belong together.
    """
    account = _account_for(connection, asked, scope)
    values = {
        "id": new_id("ACT"),
        "account_id": account["id"],
        "deal_id": asked.deal_id,
        "contact_id": asked.contact_id,
        "kind": asked.kind,
        "direction": None,
        "subject": asked.subject,
        "body": asked.body,
        "occurred_at": scope.now,
        "due_at": asked.due_at,
        "status": "open" if asked.kind == "task" else None,
        "owner_id": asked.owner_id or scope.actor,
    }
    change = Change(
        operation=asked.operation,
        record_type="activity",
        values=values,
        dry_run=asked.dry_run,
        beside={"account_name": account["name"]},
    )
    return create(connection, change, scope)


def create_record(connection: Connection, asked: Create, scope: Scope, new_id: NewId) -> dict[str, Any]:
    """Write a new account, or a new person or deal at one.

    Raises:
        ToolInputError: The account is unknown, the e-mail address belongs to a contact already, or an amount has more
            digits than its currency.
    """
    operation = f"create_{asked.record_type}"
    if asked.record_type == "account":
        values = {**dict.fromkeys(_LEFT_EMPTY["account"]), "status": "prospect", "currency": "USD", **asked.properties}
        digits_of(str(values["currency"]))
        change = Change(
            operation=operation,
            record_type="account",
            values={"id": new_id("ACC"), **values},
            dry_run=asked.dry_run,
        )
        return create(connection, change, scope)
    account = known(connection, "account", asked.account_id or "", scope)
    if asked.record_type == "contact":
        _refuse_taken_email(connection, asked.properties.get("email"), None, scope)
        values = {**dict.fromkeys(_LEFT_EMPTY["contact"]), "email_consent": "unknown", **asked.properties}
        beside = {"account_name": account["name"]}
    else:
        values = _new_deal(asked.properties)
        beside = {"account_name": account["name"], "last_activity_at": scope.now}
    change = Change(
        operation=operation,
        record_type=asked.record_type,
        values={"id": new_id(_PREFIXES[asked.record_type]), "account_id": account["id"], **values},
        dry_run=asked.dry_run,
        beside=beside,
    )
    return create(connection, change, scope)


def move_deal(connection: Connection, asked: MoveDeal, scope: Scope) -> dict[str, Any]:
    """Put a deal into another stage.

    Raises:
        ToolInputError: Unknown deal, stale version, or a rule of the stages.
    """
    before = known(connection, "deal", asked.deal_id, scope)
    change = Change(
        operation="update_deal_stage",
        record_type="deal",
        before=before,
        expected_version=asked.expected_version,
        values=move(before, asked, scope.now),
        dry_run=asked.dry_run,
    )
    return apply(connection, change, scope)


def update(connection: Connection, asked: Update, scope: Scope) -> dict[str, Any]:
    """Write other values for some properties of a record.

    Raises:
        ToolInputError: Unknown record, stale version, an e-mail address that is taken, an amount the currency cannot
            hold, or a property this record does not have.
    """
    before = known(connection, asked.record_type, asked.record_id, scope)
    values = dict(asked.properties)
    if asked.record_type == "contact":
        _refuse_taken_email(connection, values.get("email"), before["id"], scope)
    if asked.record_type == "deal":
        values = slipped(before, _in_minor_units(before, values))
    if asked.record_type == "activity":
        _refuse_what_its_kind_lacks(before, values)
    change = Change(
        operation="update",
        record_type=asked.record_type,
        before=before,
        expected_version=asked.expected_version,
        values=values,
        dry_run=asked.dry_run,
    )
    return apply(connection, change, scope)


def _account_for(connection: Connection, asked: AddActivity, scope: Scope) -> dict[str, Any]:
    """Return id and name of the account that deal, account and contact agree on."""
    if asked.deal_id is not None:
        deal = known(connection, "deal", asked.deal_id, scope)
        account = {"id": deal["account_id"], "name": deal["account_name"]}
        if asked.account_id not in {None, account["id"]}:
            raise wrong_input(f"{asked.deal_id} belongs to {account['id']}, not to {asked.account_id}.")
    else:
        row = known(connection, "account", asked.account_id or "", scope)
        account = {"id": row["id"], "name": row["name"]}
    if asked.contact_id is not None:
        contact = known(connection, "contact", asked.contact_id, scope)
        if contact["account_id"] != account["id"]:
            raise wrong_input(f"{asked.contact_id} belongs to {contact['account_id']}, not to {account['id']}.")
    return account


def _refuse_taken_email(connection: Connection, email: str | None, own_id: str | None, scope: Scope) -> None:
    if email is None:
        return
    taken_by = [row["id"] for row in ask(connection, statements.contact_with_email(email), scope)]
    if taken_by and taken_by != [own_id]:
        raise wrong_input(f"This e-mail address belongs to contact {taken_by[0]} already; update that one.")


def _in_minor_units(row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with `amount` as whole minor units of the deal's currency."""
    kept = {name: value for name, value in values.items() if name != "amount"}
    amount: Decimal | None = values.get("amount")
    if amount is None:
        return kept
    currency = row["currency"]
    minor = minor_units(amount, currency, Rounding.HALF_EVEN)
    if major_units(minor, currency) != amount:
        raise wrong_input(
            f"{currency} amounts have at most {digits_of(currency)} digits after the point; got {amount}."
        )
    return {**kept, "amount_minor": minor}


def _new_deal(properties: Mapping[str, Any]) -> dict[str, Any]:
    begun: dict[str, Any] = {"stage": OPEN_STAGES[0], "line_items": [], "close_date_slips": 0, **properties}
    return {**dict.fromkeys(_LEFT_EMPTY["deal"]), **_in_minor_units(begun, begun)}


def _refuse_what_its_kind_lacks(row: Row, values: Mapping[str, Any]) -> None:
    """Refuse to rewrite what happened: only notes and tasks are ours, and only tasks are due or done."""
    if row["kind"] not in {"note", "task"}:
        raise wrong_input(f"{row['id']} is a record of a past {row['kind']}; only notes and tasks can be changed.")
    if row["kind"] == "note" and (wrong := sorted({"due_at", "status"} & values.keys())):
        raise wrong_input(f"{row['id']} is a note; {', '.join(wrong)} belong to tasks. Allowed: body, subject.")
