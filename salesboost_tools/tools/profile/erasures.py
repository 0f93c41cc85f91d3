"""Which people have been erased, and erasing one: in the CRM's tables and in the note that keeps it so."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.tools.argument import DEFAULT_TENANT, Now, iso_utc, utc_now
from salesboost_tools.tools.crm.reading import known
from salesboost_tools.tools.crm.scope import Scope
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.profile.erasing import erase_rows, rows_to_erase
from salesboost_tools.tools.profile.schema import profile_erasures


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Erase a person. `key` names the write; the same key never means two people."""

    person_id: str
    dry_run: bool
    key: str | None = None


class Erasures(Protocol):
    """What knows who has been erased, of the caller's tenant only."""

    def erased(self, person_ids: Iterable[str], caller: Caller) -> Mapping[str, datetime]:
        """Return those of the people that have been erased, and when."""
        ...

    async def aerased(self, person_ids: Iterable[str], caller: Caller) -> Mapping[str, datetime]:
        """Do what `erased` does without blocking the event loop."""
        ...

    def erase(self, asked: Erase, caller: Caller) -> dict[str, Any]:
        """Remove a person's data for good; in a dry run, say what that would be.

        Raises:
            ToolInputError: There is no such person.
            IdempotencyError: The key came before with another person.
            UpstreamError: The database did not answer.
        """
        ...

    async def aerase(self, asked: Erase, caller: Caller) -> dict[str, Any]:
        """Do what `erase` does without blocking the event loop."""
        ...

    def probe(self) -> None:
        """Touch what it lives on; raise UpstreamError if that cannot be used."""
        ...

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        ...


class SqlErasures:
    """`Erasures` in the database that holds the CRM's tables: one transaction removes data and writes the note.

    Args:
        database: Its CRM and profile tables are up to date.
        now: The present moment (UTC).
    """

    def __init__(self, database: Database, *, now: Now = utc_now) -> None:
        self._database, self._now = database, now

    def erased(self, person_ids: Iterable[str], caller: Caller) -> Mapping[str, datetime]:
        """Return those of the people that have been erased, and when."""
        return self._database.perform(self._looking(person_ids, caller), writes=False)

    async def aerased(self, person_ids: Iterable[str], caller: Caller) -> Mapping[str, datetime]:
        """Do what `erased` does without blocking the event loop."""
        return await self._database.aperform(self._looking(person_ids, caller), writes=False)

    def erase(self, asked: Erase, caller: Caller) -> dict[str, Any]:
        """Remove a person's data for good; in a dry run, say what that would be."""
        return self._database.perform(self._erasing(asked, caller), writes=not asked.dry_run)

    async def aerase(self, asked: Erase, caller: Caller) -> dict[str, Any]:
        """Do what `erase` does without blocking the event loop."""
        return await self._database.aperform(self._erasing(asked, caller), writes=not asked.dry_run)

    def probe(self) -> None:
        """Read from the table."""
        self._database.perform(_touch, writes=False)

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        await self._database.aperform(_touch, writes=False)

    def _scope(self, caller: Caller) -> Scope:
        return Scope(caller.tenant_id or DEFAULT_TENANT, self._now(), caller.user_id, caller.role)

    def _looking(self, person_ids: Iterable[str], caller: Caller) -> Callable[[Connection], Mapping[str, datetime]]:
        scope, wanted = self._scope(caller), sorted(set(person_ids))
        return lambda connection: _erased(connection, wanted, scope)

    def _erasing(self, asked: Erase, caller: Caller) -> Callable[[Connection], dict[str, Any]]:
        scope = self._scope(caller)
        return lambda connection: _erase(connection, asked, scope)


def _erased(connection: Connection, person_ids: list[str], scope: Scope) -> Mapping[str, datetime]:
    if not person_ids:
        return {}
    table = profile_erasures.c
    statement = select(table.person_id, table.at).where(
        table.tenant_id == scope.tenant_id, table.person_id.in_(person_ids)
    )
    return {row.person_id: row.at for row in connection.execute(statement)}


def _erase(connection: Connection, asked: Erase, scope: Scope) -> dict[str, Any]:
    _refuse_another_person(connection, asked, scope)
    person = known(connection, "contact", asked.person_id, scope)
    touched = rows_to_erase(connection, person, scope)
    first = asked.person_id not in _erased(connection, [asked.person_id], scope)
    if not asked.dry_run:
        first = _noted(connection, asked, scope)
        if first:
            erase_rows(connection, person, touched, scope)
    at = _erased(connection, [asked.person_id], scope).get(asked.person_id)
    counts = {"contacts": 1, "activities": len(touched.activities), "audit_entries": touched.audit_entries}
    return {
        "operation": "erase",
        "subject": "person",
        "id": asked.person_id,
        "dry_run": asked.dry_run,
        "already_erased": not first,
        "erased_at": None if at is None else iso_utc(at),
        "removed_from": counts if first else dict.fromkeys(counts, 0),
    }


def _noted(connection: Connection, asked: Erase, scope: Scope) -> bool:
    """Note the erasure; False if somebody has, or is just doing so: its row is the lock that the second waits for."""
    inserting = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    note = {
        "tenant_id": scope.tenant_id,
        "person_id": asked.person_id,
        "at": scope.now,
        "actor": scope.actor,
        "actor_role": scope.actor_role,
        "key": asked.key,
    }
    statement = inserting(profile_erasures).values(note).on_conflict_do_nothing().returning(profile_erasures.c.at)
    return connection.execute(statement).first() is not None


def _refuse_another_person(connection: Connection, asked: Erase, scope: Scope) -> None:
    table = profile_erasures.c
    if asked.key is None:
        return
    statement = select(table.person_id).where(table.tenant_id == scope.tenant_id, table.key == asked.key)
    first = connection.execute(statement).scalar()
    if first is not None and first != asked.person_id:
        raise IdempotencyError(
            f"{first} was erased under the key {asked.key!r}; this is {asked.person_id}",
            for_model="This was already asked for under the same id with another person. Make a new call.",
        )


def _touch(connection: Connection) -> None:
    connection.execute(select(profile_erasures.c.person_id).limit(1))
