"""A write under a key happens once per tenant: the key stands in the transaction that writes."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.commands import Command
from salesboost_tools.tools.crm.reading import known
from salesboost_tools.tools.crm.records import answer
from salesboost_tools.tools.crm.scope import Scope, ask


def once(
    connection: Connection, command: Command, key: str, scope: Scope, write: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Write, unless this key has been written under before; then answer with what became of that record.

    Whoever comes while the first one is still writing waits for its end, for the key's row is its lock. A write that is
    refused or fails takes its key back with it.

    Raises:
        IdempotencyError: The key came before with another write.
    """
    fingerprint = cache_key("", None, None, {"command": command}) or ""
    claim = {"tenant_id": scope.tenant_id, "key": key, "fingerprint": fingerprint, "at": scope.now}
    unsettled = {"operation": "", "record_type": "", "record_id": "", "version": 0}
    dialect = connection.dialect.name
    if connection.execute(statements.claim_key(dialect), {**claim, **unsettled}).first() is None:
        return _first_answer(connection, key, fingerprint, scope)
    told = write()
    record = told["record"]
    settled = {"operation": told["operation"], "record_type": record["type"], "record_id": record["id"]}
    statement = statements.settle_key({**settled, "version": record["version"]})
    connection.execute(statement, {statements.TENANT: scope.tenant_id, "claimed": key})
    return told


def _first_answer(connection: Connection, key: str, fingerprint: str, scope: Scope) -> dict[str, Any]:
    (first,) = ask(connection, statements.written_under(), scope, claimed=key)
    if first["fingerprint"] != fingerprint:
        raise IdempotencyError(
            f"a {first['operation']} was written under the key {key!r}; this is another write",
            for_model="This was already asked for under the same id with other arguments. Make a new call.",
        )
    trail = ask(connection, statements.audit_of(first["record_type"], first["record_id"]), scope)
    unchanged: dict[str, Any] = {}
    row = known(connection, first["record_type"], first["record_id"], scope)
    return {
        "operation": first["operation"],
        "dry_run": False,
        "replayed": True,
        "changes": next((entry["changes"] for entry in trail if entry["version"] == first["version"]), unchanged),
        "record": answer(first["record_type"], row, now=scope.now, excerpt=True),
    }
