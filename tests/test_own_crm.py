"""The toolkit on a CRM of one's own: PostgreSQL or SQLite by URL, HubSpot by token, from set-up to answer."""

import asyncio
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.core.errors import ConfigurationError, UpstreamError
from salesboost_tools.tools.crm import load_tables, open_database
from tests.databases import postgresql_database
from tests.hubspot_server import TOKEN, hubspot_server

COACH = {"configurable": {"caller_role": "coach", "user_id": "u-7"}}
SHIPPED = files("salesboost_tools") / "data"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/own.db"
    else:
        with postgresql_database() as made:
            yield made


@pytest.fixture
def own_tables(tmp_path):
    """CSV files as a user writes them: few columns, one tenant that need not be named."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "accounts.csv").write_text(
        "id,name,domain,currency,status,created_at\nA-1,Nordwind GmbH,nordwind.example,EUR,prospect,2026-01-01T00:00:00Z\n"
    )
    (folder / "contacts.csv").write_text(
        "id,account_id,first_name,last_name,email,email_consent,created_at\n"
        "C-1,A-1,Ada,Okafor,ada@nordwind.example,given,2026-01-01T00:00:00Z\n"
    )
    (folder / "deals.csv").write_text(
        "id,account_id,name,stage,line_items,amount_minor,currency,close_date,close_date_slips,created_at\n"
        "D-1,A-1,Pilot,proposal,PIPE-TEAM=20,120050,EUR,2026-12-31,0,2026-01-01T00:00:00Z\n"
    )
    (folder / "activities.csv").write_text("id,account_id,kind,subject,body,occurred_at,created_at\n")
    return folder


def tool_of(toolkit):
    return next(tool for tool in toolkit.get_tools() if tool.name == "crm_integration")


def crm_of(toolkit):
    return tool_of(toolkit).inner.crm


async def test_the_toolkit_works_on_an_own_database_that_was_filled_from_csv_files(url, own_tables, tmp_path):
    database = open_database(url, tmp_path)
    load_tables(database, own_tables)
    with pytest.raises(ConfigurationError, match=r"accounts\.csv"):
        load_tables(database, own_tables)
    database.close()
    toolkit = SalesToolkit(Settings(database_url=url, data_dir=tmp_path / "data"))
    tool = tool_of(toolkit)
    deal = {"operation": "get", "record_type": "deal", "record_id": "D-1"}
    assert tool.invoke(deal, COACH)["record"]["amount"] == {"amount": "1200.50", "currency": "EUR"}
    assert (await tool.ainvoke(deal, COACH))["record"]["account"]["name"] == "Nordwind GmbH"
    moved = await tool.ainvoke(
        {"operation": "update_deal_stage", "deal_id": "D-1", "stage": "closing", "expected_version": 1}, COACH
    )
    assert moved["record"]["version"] == 2
    crm = crm_of(toolkit)
    crm.probe()
    await crm.aprobe()
    await crm.aclose()
    toolkit.close()


def test_a_table_without_rows_or_with_a_wrong_row_leaves_the_database_as_it_was(url, own_tables, tmp_path):
    (own_tables / "deals.csv").write_text("id,account_id,name\nD-1,A-9,Pilot\n")
    database = open_database(url, tmp_path)
    with pytest.raises(ConfigurationError, match=r"deals\.csv"):
        load_tables(database, own_tables)
    shutil.copy(str(SHIPPED / "deals.csv"), own_tables)
    with pytest.raises(ConfigurationError, match=r"deals\.csv"):  # it refers to accounts that are not there
        load_tables(database, own_tables)
    database.close()


def test_a_database_that_is_not_there_is_said_so_when_the_toolkit_is_opened(tmp_path):
    with pytest.raises(UpstreamError, match="the database did not answer"):
        SalesToolkit(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", data_dir=tmp_path)).get_tools()


@pytest.fixture
def server():
    with hubspot_server() as started:
        yield started


def settings(server, tmp_path, **more):
    return Settings(hubspot_token=TOKEN, hubspot_base_url=server.url, data_dir=tmp_path, **more)


def test_a_token_makes_hubspot_the_crm(server, tmp_path):
    toolkit = SalesToolkit(settings(server, tmp_path, hubspot_stages={"closing": "contractsent"}))
    tool = tool_of(toolkit)
    account = tool.invoke({"operation": "create_account", "properties": {"name": "Nordwind"}}, COACH)["record"]
    asked = {"operation": "get", "record_type": "account", "record_id": account["id"]}
    assert asyncio.run(answer_and_close(toolkit, tool, asked))["record"]["name"] == "Nordwind"
    assert server.count("companies") == 1
    crm_of(toolkit).probe()
    toolkit.close()


async def answer_and_close(toolkit, tool, asked):
    answer = await tool.ainvoke(asked, COACH)
    await crm_of(toolkit).aclose()
    return answer


def test_a_comparison_over_hubspot_leaves_out_what_hubspot_does_not_know(server, tmp_path):
    asked = {"competitor": "Dealharbor", "aspect": "comparison"}
    silent = SalesToolkit(settings(server, tmp_path))
    assert "win_loss" not in comparison(silent, asked)
    server.add("deals", dealname="D", dealstage="closedwon", amount="5", deal_currency_code="EUR", rival="Dealharbor")
    telling = SalesToolkit(settings(server, tmp_path, hubspot_competitor_property="rival"))
    assert comparison(telling, asked)["win_loss"]["won"] == 1


def comparison(toolkit, asked):
    tool = next(tool for tool in toolkit.get_tools() if tool.name == "competitor_analysis")
    answer = tool.invoke(asked, COACH)
    toolkit.close()
    return answer


def test_the_token_stands_in_no_representation(tmp_path):
    shown = Settings(hubspot_token="pat-very-secret", data_dir=Path(tmp_path))
    assert "pat-very-secret" not in f"{shown!r} {shown}"


def test_a_stage_that_is_none_of_ours_is_refused_and_the_setting_named():
    with pytest.raises(ConfigurationError, match="TOOL_HUBSPOT_STAGES"):
        Settings(hubspot_stages={"almost": "1"})


def test_a_variable_that_is_no_json_is_named(monkeypatch):
    monkeypatch.setenv("TOOL_HUBSPOT_STAGES", "closing=1")
    with pytest.raises(ConfigurationError, match="TOOL_HUBSPOT_STAGES: has to be an object in JSON"):
        Settings()
