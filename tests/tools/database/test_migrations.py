"""Tables come from migrations: new databases, old ones, several openers at once, on every kind of database."""

from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, text

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError, UpstreamError
from salesboost_tools.tools.crm import open_crm
from salesboost_tools.tools.crm.commands import Get
from salesboost_tools.tools.crm.schema import CRM_SCHEMA
from salesboost_tools.tools.database import Database, Schema
from salesboost_tools.tools.schemas import SCHEMAS
from tests.services import process_context

BREAKING = Schema("breaking", MetaData(), "tests.tools.database.breaking", head="0002")
every_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)


def tables_of(database):
    return set(database.perform(lambda connection: inspect(connection).get_table_names(), writes=False))


def differences(database, schema):
    """Return what alembic would change to get from the database to the tables as the code knows them."""

    def compare(connection):
        options = {"include_name": lambda name, kind, _: kind != "table" or name in schema.metadata.tables}
        return compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata)

    return database.perform(compare, writes=False)


def steps_of(schema):
    folder = str(files(schema.migrations))
    return [step.revision for step in ScriptDirectory(folder, version_locations=[folder]).walk_revisions()]


@every_schema
def test_migrations_make_the_tables_that_the_code_knows(database, schema):
    database.upgrade(schema)
    assert differences(database, schema) == []
    assert tables_of(database) == {*schema.metadata.tables, schema.version_table}


@every_schema
def test_the_head_that_is_written_down_is_the_last_step(schema):
    assert steps_of(schema)[0] == schema.head


def test_all_modules_share_one_database(database):
    database.upgrade(*SCHEMAS)
    assert all(differences(database, schema) == [] for schema in SCHEMAS)


def test_no_two_modules_want_the_same_table():
    names = [name for schema in SCHEMAS for name in (*schema.metadata.tables, schema.version_table)]
    assert len(names) == len(set(names))


def made_by_0_1_0(database, backend):
    statements = (Path(__file__).parent / f"crm_0_1_0_{backend}.sql").read_text("utf-8").split(";\n")
    rows = (
        (
            "INSERT INTO accounts (tenant_id, id, name, currency, status, search_text, created_at, updated_at, version) "
            "VALUES ('default', 'A-1', 'Old Corp', 'EUR', 'prospect', 'old corp', :at, :at, 3)"
        ),
        (
            "INSERT INTO activities (tenant_id, id, account_id, kind, subject, body, occurred_at, created_at, updated_at, "
            "version) VALUES ('default', 'ACT-1', 'A-1', 'note', 's', 'kept', :at, :at, :at, 1)"
        ),
    )

    def make(connection):
        for statement in statements[:-1]:
            connection.exec_driver_sql(statement)
        for row in rows:
            connection.execute(text(row), {"at": "2026-01-01 00:00:00"})

    database.perform(make, writes=True)


def test_a_database_made_before_there_were_migrations_is_taken_over_with_its_rows(database, backend, url, tmp_path):
    made_by_0_1_0(database, backend)
    store = open_crm(url, tmp_path)
    found = store.perform(Get(record_type="activity", record_id="ACT-1"), Caller(tenant_id="default"))
    assert found["record"]["body"] == "kept"
    assert found["record"]["account"] == {"id": "A-1", "name": "Old Corp"}
    store.close()
    assert differences(database, CRM_SCHEMA) == []


def test_opening_again_changes_nothing(database):
    database.upgrade(CRM_SCHEMA)
    database.upgrade(CRM_SCHEMA)
    assert differences(database, CRM_SCHEMA) == []


def test_a_migration_that_fails_leaves_nothing_of_itself(database):
    with pytest.raises(UpstreamError, match="nowhere"):
        database.upgrade(BREAKING)
    assert tables_of(database) <= {"sqlite_sequence"}


def test_a_database_of_a_later_version_is_refused_and_both_versions_are_named(database):
    database.upgrade(CRM_SCHEMA)
    change = text("UPDATE crm_revision SET version_num = '9999'")
    database.perform(lambda connection: connection.execute(change), writes=True)
    with pytest.raises(ConfigurationError, match=rf"crm tables are at revision '9999'.*up to '{CRM_SCHEMA.head}'"):
        database.upgrade(CRM_SCHEMA)


def open_at_once(url, barrier, outcomes):
    database = Database(url)
    barrier.wait(timeout=30)
    try:
        database.upgrade(*SCHEMAS)
        outcomes.put("fine")
    except Exception as error:
        outcomes.put(repr(error))
    database.close()


def test_processes_that_open_an_empty_database_at_once_make_its_tables_once(database, url):
    context = process_context()
    barrier, outcomes = context.Barrier(3), context.Queue()
    openers = [context.Process(target=open_at_once, args=(url, barrier, outcomes)) for _ in range(3)]
    for opener in openers:
        opener.start()
    assert [outcomes.get(timeout=50) for _ in openers] == ["fine"] * 3
    for opener in openers:
        opener.join()
    assert differences(database, CRM_SCHEMA) == []
