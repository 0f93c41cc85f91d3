"""What stores may rely on: whole transactions, honest failures, a reader that cannot write."""

import importlib.util

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.errors import ConfigurationError, MissingExtraError, ToolInputError, UpstreamError
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.database.driver import driver_urls
from tests.databases import postgresql_database


def run(*statements, **values):
    def work(connection):
        return [connection.execute(text(statement), values) for statement in statements]

    return lambda connection: len(work(connection))


@pytest.fixture
def with_table(database):
    database.perform(run("CREATE TABLE words (word VARCHAR(5) NOT NULL UNIQUE)"), writes=True)
    return database


def words(database):
    ask = text("SELECT word FROM words ORDER BY word")
    return database.perform(lambda connection: list(connection.execute(ask).scalars()), writes=False)


async def test_both_doors_lead_to_one_database(with_table):
    with_table.perform(run("INSERT INTO words VALUES ('a')"), writes=True)
    await with_table.aperform(run("INSERT INTO words VALUES ('b')"), writes=True)
    assert words(with_table) == ["a", "b"]
    await with_table.aclose()


@pytest.mark.parametrize("failure", [RuntimeError("stop"), KeyboardInterrupt()], ids=repr)
def test_what_fails_half_way_leaves_nothing(with_table, failure):
    def half(connection):
        connection.execute(text("INSERT INTO words VALUES ('half')"))
        raise failure

    with pytest.raises(type(failure)):
        with_table.perform(half, writes=True)
    assert words(with_table) == []


def test_a_failure_before_the_commit_says_that_nothing_happened(with_table):
    with pytest.raises(UpstreamError) as raised:
        with_table.perform(run("INSERT INTO words VALUES ('a')", "INSERT INTO nowhere VALUES (1)"), writes=True)
    assert not may_have_happened(raised.value)
    assert words(with_table) == []


def test_a_commit_without_an_answer_says_that_it_may_have_happened(with_table):
    engine = with_table._engines.sync.writing
    broken = DBAPIError.instance(
        "COMMIT", None, engine.dialect.dbapi.OperationalError("gone"), engine.dialect.dbapi.Error
    )

    def lose_the_answer(_connection):
        raise broken

    event.listen(engine, "commit", lose_the_answer)
    with pytest.raises(UpstreamError, match="gone") as raised:
        with_table.perform(run("INSERT INTO words VALUES ('a')"), writes=True)
    event.remove(engine, "commit", lose_the_answer)
    assert raised.value.outcome_unknown is True


def test_an_error_shows_neither_statement_nor_values(with_table):
    with_table.perform(run("INSERT INTO words VALUES ('mine')"), writes=True)
    with pytest.raises(UpstreamError) as raised:
        with_table.perform(run("INSERT INTO words VALUES (:word)", word="mine"), writes=True)
    assert "mine" not in f"{raised.value} {raised.value.for_model}"
    assert not raised.value.retryable


def test_the_probe_reaches_a_database_that_is_there(database):
    database.probe()


async def test_a_database_that_is_not_there_is_an_upstream_error_at_both_doors():
    gone = Database("postgresql://postgres@127.0.0.1:1/none")
    with pytest.raises(UpstreamError) as raised:
        gone.probe()
    assert raised.value.retryable
    assert not may_have_happened(raised.value)
    with pytest.raises(UpstreamError):
        await gone.aprobe()
    await gone.aclose()


@pytest.fixture(scope="module")
def postgresql():
    with postgresql_database() as url:
        opened = Database(url)
        yield opened
        opened.close()


def test_postgresqls_reader_is_refused_by_the_server_when_it_writes(postgresql):
    with pytest.raises(UpstreamError, match="read-only transaction"):
        postgresql.perform(run("CREATE TABLE never (id int)"), writes=False)


def test_a_value_postgresql_cannot_hold_is_the_callers_mistake(postgresql):
    with pytest.raises(ToolInputError, match="a text with a NUL"):
        postgresql.perform(run("SELECT CAST(:value AS text)", value="a\0b"), writes=False)


def test_a_connection_that_the_server_has_closed_is_replaced(postgresql):
    who = text("SELECT pg_backend_pid()")
    mine = postgresql.perform(lambda connection: connection.execute(who).scalar(), writes=False)
    postgresql.perform(run("SELECT pg_terminate_backend(:pid)", pid=mine), writes=True)
    assert postgresql.perform(lambda connection: connection.execute(who).scalar(), writes=False) != mine


def test_postgresqls_driver_is_an_extra_and_the_error_names_it(monkeypatch):
    monkeypatch.setattr("salesboost_tools.tools.database.driver.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[postgres\]'"):
        Database("postgresql://host/name")


def test_sqlite_needs_no_extra(monkeypatch, tmp_path):
    monkeypatch.setattr("salesboost_tools.tools.database.driver.find_spec", lambda name: None)
    opened = Database(f"sqlite:///{tmp_path}/x.db")
    opened.probe()
    opened.close()


@pytest.mark.parametrize(
    "url", ["postgresql://h/n", "postgres://h/n", "postgresql+asyncpg://h/n", "postgresql+psycopg2://h/n"]
)
def test_every_spelling_of_postgresql_gets_the_one_driver(url):
    assert importlib.util.find_spec("psycopg")
    assert [each.drivername for each in driver_urls(url)] == ["postgresql+psycopg"] * 2


def test_a_password_in_a_url_that_cannot_be_read_is_not_repeated():
    with pytest.raises(ConfigurationError) as raised:
        Database("postgresql//user:hunter2@host")
    assert "hunter2" not in str(raised.value)
