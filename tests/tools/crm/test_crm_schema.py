"""Money and time survive the database; the statements are portable."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, DateTime, create_engine, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.commands import Find
from salesboost_tools.tools.crm.records import money
from salesboost_tools.tools.crm.schema import accounts, deals, folded, metadata
from salesboost_tools.tools.pricing.money import MINOR_DIGITS
from tests.tools.crm.conftest import AS_OF


@pytest.fixture(scope="module")
def engine():
    made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(made)
    yield made
    made.dispose()


def account(**values):
    return {
        "tenant_id": "t",
        "id": "A",
        "name": "n",
        "currency": "USD",
        "status": "prospect",
        "search_text": "",
        "created_at": AS_OF,
        "updated_at": AS_OF,
        **values,
    }


def through(engine, column, **values):
    with engine.connect() as connection:
        connection.execute(insert(accounts), account(**values))
        found = connection.execute(select(column)).scalar_one()
        connection.rollback()
    return found


@given(minor=st.integers(-(2**63), 2**63 - 1))
def test_any_amount_comes_back_as_it_went_in(engine, minor):
    assert through(engine, accounts.c.annual_revenue_minor, annual_revenue_minor=minor) == minor


@given(minor=st.integers(0, 10**18), currency=st.sampled_from(sorted(MINOR_DIGITS)))
def test_an_amount_is_told_exactly(minor, currency):
    told = money(minor, currency)
    whole, _, part = told["amount"].partition(".")
    assert len(part) == MINOR_DIGITS[currency]
    assert int(whole + part) == minor


@given(
    microseconds=st.integers(0, 200 * 365 * 86400 * 10**6),
    zone=st.builds(timezone, st.timedeltas(timedelta(hours=-14), timedelta(hours=14))),
)
def test_any_moment_comes_back_equal_and_in_utc(engine, microseconds, zone):
    moment = (datetime(1971, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).astimezone(zone)
    found = through(engine, accounts.c.created_at, created_at=moment)
    assert found == moment
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(engine):
    with pytest.raises(StatementError, match="a stored time needs a time zone"):
        through(engine, accounts.c.created_at, created_at=AS_OF.replace(tzinfo=None))


def test_money_is_a_whole_number_and_time_knows_its_zone_in_every_table():
    columns = [column for table in metadata.sorted_tables for column in table.c]
    assert all(isinstance(column.type, BigInteger) for column in columns if column.name.endswith("_minor"))
    moments = [column for column in columns if column.name == "at" or column.name.endswith("_at")]
    assert moments
    for column in moments:
        assert isinstance(column.type.impl, DateTime)
        assert column.type.impl.timezone


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_row_belongs_to_a_tenant_and_so_does_every_reference(table):
    assert not table.c.tenant_id.nullable
    for constraint in table.foreign_key_constraints:
        assert constraint.column_keys[0] == "tenant_id"
        assert constraint.elements[0].target_fullname.endswith(".tenant_id")


def test_tables_and_statements_are_understood_by_postgresql():
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    for statement in (
        statements.one("deal"),
        statements.page(
            Find(operation="list", record_type="deal", query="a b", filters={"competitor": "x"}),
            after=[AS_OF, "x"],
            silent_since=AS_OF,
        ),
        statements.page(Find(operation="list", record_type="account"), after=["a", "b"], silent_since=None),
        statements.alike("account", "x", 5),
        statements.values_in_use("deal", "competitor", 5),
        statements.with_value("deal", "competitor", "x"),
        statements.contact_with_email("x"),
        statements.change("deal", "x", version=1, values={"name": "x"}),
        statements.audit_of("deal", "x"),
        statements.endings("x"),
        statements.touch(),
        insert(deals),
    ):
        assert str(statement.compile(dialect=dialect))


@pytest.mark.parametrize(
    ("text", "searched"),
    [("Müller & Söhne", "muller & sohne"), ("ÅSA", "asa"), ("Straße", "strasse"), ("ﬁrm", "firm"), ("", "")],
)
def test_a_search_ignores_accents_and_case(text, searched):
    assert folded(text) == searched
    assert folded(text, None, "") == searched
