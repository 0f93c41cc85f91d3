"""Change a record that is known by something in the world, or create it. Runs inside one transaction."""

from typing import Any

from sqlalchemy import Connection, text

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.commands import Create, Update, Upsert
from salesboost_tools.tools.crm.properties import KNOWN_BY, SET_AT_CREATION, properties_of_new
from salesboost_tools.tools.crm.reading import known
from salesboost_tools.tools.crm.records import Row
from salesboost_tools.tools.crm.scope import Scope, ask
from salesboost_tools.tools.crm.writing import NewId, create_record, update


def upsert(connection: Connection, asked: Upsert, scope: Scope, new_id: NewId) -> dict[str, Any]:
    """Change the record, or create it.

    Two that come at once with the same name wait for each other, so that one creates and the other changes.

    Raises:
        ToolInputError: Several records are known by this name, the record belongs to another account, has another
            version than expected, or lacks what a new one needs.
    """
    name = KNOWN_BY[asked.record_type]
    known_by = {name: asked.properties[name]}
    if asked.record_type == "deal":
        known_by["account_id"] = asked.account_id
    if not asked.dry_run:
        _wait_for_others(connection, asked, known_by, scope)
    found = [row["id"] for row in ask(connection, statements.known_as(asked.record_type, known_by), scope)]
    if len(found) > 1:
        raise wrong_input(
            f"Several {asked.record_type}s have this {name}, {' and '.join(found)} among them: update one."
        )
    if found:
        told = update(connection, _as_update(asked, known(connection, asked.record_type, found[0], scope)), scope)
    else:
        told = create_record(connection, _as_create(asked), scope, new_id)
    return {**told, "operation": "upsert", "created": not found}


def _as_update(asked: Upsert, row: Row) -> Update:
    if asked.record_type != "account" and asked.account_id not in {None, row["account_id"]}:
        raise wrong_input(f"{row['id']} belongs to {row['account_id']}, not to {asked.account_id}.")
    for name in SET_AT_CREATION & asked.properties.keys():
        if row[name] != asked.properties[name]:
            how = "update_deal_stage changes it" if name == "stage" else "it stays as it was created"
            raise wrong_input(f"{row['id']} has {name} {row[name]!r}, not {asked.properties[name]!r}; {how}.")
    return Update(
        record_type=asked.record_type,
        record_id=row["id"],
        properties={name: value for name, value in asked.properties.items() if name not in SET_AT_CREATION},
        expected_version=asked.expected_version or row["version"],
        dry_run=asked.dry_run,
    )


def _as_create(asked: Upsert) -> Create:
    name = KNOWN_BY[asked.record_type]
    if asked.expected_version is not None:
        raise wrong_input(
            f"There is no {asked.record_type} with this {name} any more, so not with version "
            f"{asked.expected_version} either. Leave expected_version out to create it."
        )
    if asked.record_type != "account" and asked.account_id is None:
        raise wrong_input(f"No {asked.record_type} has this {name}; to create it, name its account_id.")
    return Create(
        record_type=asked.record_type,
        account_id=asked.account_id,
        properties=properties_of_new(asked.record_type, asked.properties),
        dry_run=asked.dry_run,
    )


def _wait_for_others(connection: Connection, asked: Upsert, known_by: dict[str, Any], scope: Scope) -> None:
    """Let one at a time look for this name and write it. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        name = "\n".join([scope.tenant_id, asked.record_type, *map(str, known_by.values())])
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
