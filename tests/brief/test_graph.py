"""The account brief from the question to the text, on the shipped data and the real tools."""

import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from salesboost_tools.brief import AccountBrief, build_account_brief
from salesboost_tools.brief.markdown import to_markdown
from salesboost_tools.brief.writing.our_answers import plain
from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.toolkit import usual_handlers

HERO = "ACC-0042"


class BreakingHandler(ToolHandler):
    """Lets one tool fail with an error that does not pass by itself."""

    order = 85

    def __init__(self, tool):
        self._tool = tool

    def around(self, call, proceed):
        self._break(call)
        return proceed(call)

    async def aaround(self, call, proceed):
        self._break(call)
        return await proceed(call)

    def _break(self, call):
        if call.name.startswith(self._tool):
            raise UpstreamError("the line is dead", for_model=f"`{self._tool}` does not answer. Continue without it.")


def told_by_tools(messages):
    return [json.loads(each.content) for each in messages if isinstance(each, ToolMessage) and each.status != "error"]


def crm_records(messages):
    answers = told_by_tools(messages)
    rows = [row for each in answers for row in each.get("records", [])]
    return {row["id"]: row for row in [*rows, *(each["record"] for each in answers if "record" in each)]}


def without_moment(brief: AccountBrief):
    return brief.model_dump(exclude={"as_of"})


async def test_sync_and_async_runs_write_the_same_brief(make_toolkit):
    sync = build_account_brief(make_toolkit()).invoke({"account": HERO})["brief"]
    asynchronous = (await build_account_brief(make_toolkit()).ainvoke({"account": HERO}))["brief"]
    assert without_moment(sync) == without_moment(asynchronous)


async def test_without_an_account_the_stalled_deal_with_most_at_stake_is_taken(toolkit):
    result = await build_account_brief(toolkit).ainvoke({})
    listed = told_by_tools(result["messages"])[0]["records"]
    stake = {row["account"]["id"]: float(row["amount"]["amount"]) * row["days_since_activity"] for row in listed}
    assert result["brief"].account_id == max(stake, key=stake.get) == HERO


async def test_each_step_of_the_plan_is_one_message_with_several_calls(toolkit):
    messages = (await build_account_brief(toolkit).ainvoke({"account": "Acme"}))["messages"]
    assert isinstance(messages[0], HumanMessage)
    planned = [len(each.tool_calls) for each in messages if isinstance(each, AIMessage)]
    assert planned[0] == 1  # who is it
    assert planned[1] == 3  # deals, contacts, activities
    assert planned[2] >= 10  # what follows from them
    assert planned[-1] == 0
    assert not isinstance(messages[-1], ToolMessage)  # a history that any model can go on from


async def test_every_record_that_is_cited_was_returned_by_the_crm(toolkit):
    result = await build_account_brief(toolkit).ainvoke({"account": HERO})
    brief, records = result["brief"], crm_records(result["messages"])
    cited = [source for source in brief.sources if source.kind == "crm"]
    assert len(cited) > 10
    assert all(source.key in records or source.key == f"win/loss {brief.competitor}" for source in cited)


async def test_every_article_is_cited_with_document_section_and_version_and_quoted_word_for_word(toolkit):
    result = await build_account_brief(toolkit).ainvoke({"account": HERO})
    brief = result["brief"]
    passages = {
        f"{row['document']}{' §' + row['section'] if row['section'] else ''} v{row['version']}": row
        for each in told_by_tools(result["messages"])
        for row in each.get("passages", [])
    }
    keys = {source.key for source in brief.sources if source.kind == "knowledge"}
    assert keys
    assert keys <= passages.keys()
    quotes = [each for answer in brief.answers for each in answer.answers if set(each.cites) <= keys]
    assert quotes
    for quote in quotes:
        words = quote.text.strip("“”").removesuffix("…")
        assert words in plain(passages[quote.cites[0]]["text"]).replace('"', "'")


async def test_claims_about_the_competitor_carry_their_date_and_expired_ones_are_marked(toolkit):
    result = await build_account_brief(toolkit).ainvoke({"account": HERO})
    brief = result["brief"]
    told = json.dumps(told_by_tools(result["messages"]))
    claims = [source for source in brief.sources if source.kind == "battlecard" and source.expires]
    assert all(source.dated and source.key.split()[0] in told for source in claims)
    expired = {source.key for source in claims if source.expired}
    assert expired
    statements = [*brief.competition, *(each for answer in brief.answers for each in answer.answers)]
    assert all(each.expired == bool(expired & set(each.cites)) for each in statements)


async def test_prices_are_the_price_calculators_and_say_who_must_agree(toolkit):
    result = await build_account_brief(toolkit).ainvoke({"account": HERO})
    options = result["brief"].price_options
    quotes = {each["quote_id"]: each for each in told_by_tools(result["messages"]) if "quote_id" in each}
    assert {option.quote_id: option.total for option in options} == {
        key: quote["total_before_tax"] for key, quote in quotes.items()
    }
    as_it_stands, *others = options
    assert (as_it_stands.label, as_it_stands.approvers) == ("As in the deal", ())
    matching = [option for option in others if option.seat_prices["PIPE-BUSINESS"] == "52.00"]
    assert len(matching) == 2  # as asked for today, and with the longer term
    assert {option.approvers for option in matching} == {("sales manager",), ()}


async def test_the_call_over_the_crms_rate_is_left_out_with_the_reason_and_the_rest_is_written(toolkit):
    result = await build_account_brief(toolkit).ainvoke({"account": "Acme"})
    brief = result["brief"]
    asked = [call for each in result["messages"] for call in getattr(each, "tool_calls", ())]
    assert [call["name"] for call in asked].count("crm_integration") == 6  # and five a minute are allowed
    missing = [each for each in brief.left_out if "crm_integration" in each.what]
    assert [each.what for each in missing] == ["stalled deals against Dealharbor (crm_integration)"]
    assert "busy" in missing[0].why
    assert "seconds" in missing[0].why
    assert brief.people
    assert brief.why
    assert brief.next_steps


async def test_a_second_brief_is_answered_from_memory(toolkit):
    graph = build_account_brief(toolkit)
    first = (await graph.ainvoke({"account": HERO}))["brief"]
    cache = toolkit.handler(CacheHandler)
    misses = {tool: counts.misses for tool, counts in cache.statistics().items()}
    second = (await graph.ainvoke({"account": HERO}))["brief"]
    counts = cache.statistics()
    assert counts["crm_integration"].hits == 5
    assert counts["competitor_analysis"].hits == 4
    assert counts["price_calculator"].hits == 4
    assert {tool: each.misses - misses[tool] for tool, each in counts.items() if each.misses != misses[tool]} in (
        {"crm_integration": 1},  # the refused one was not stored, so it is asked for again
        {},
    )
    assert without_moment(first)["answers"] == without_moment(second)["answers"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("Acmee", "Nearest: 'Acme Corp' (ACC-0042)"),
        ("ACC-9999", "No account 'ACC-9999'. Nearest:"),
        ("Dunmorwick", "Name one of them."),
        ("x" * 300, "query"),
    ],
)
async def test_an_account_nobody_knows_gets_an_answer_and_no_brief(toolkit, asked, told):
    result = await build_account_brief(toolkit).ainvoke({"account": asked})
    assert result["brief"] is None
    assert told in result["problem"]
    assert result["messages"][-1].text == result["problem"]


def test_a_sync_caller_is_told_the_nearest_names_too(toolkit):
    assert "Nearest" in build_account_brief(toolkit).invoke({"account": "Acmee"})["problem"]


async def test_the_markdown_of_a_whole_brief_has_its_tables_and_what_was_left_out(toolkit):
    brief = (await build_account_brief(toolkit).ainvoke({"account": "Acme"}))["brief"]
    text = to_markdown(brief)
    assert "| Dana Whitfield | Chief Financial Officer | economic buyer | 2026-02-05, 144 days ago |" in text
    assert all(f"| {option.quote_id} |" in text for option in brief.price_options)
    assert "DH-02 expired 2026-05-31" in text
    assert text.rstrip().endswith("seconds.")


@pytest.mark.parametrize("asked", ["acme corp", "ACC-0042", "  Acme "])
async def test_an_account_is_found_by_name_part_of_a_name_and_id(toolkit, asked):
    assert (await build_account_brief(toolkit).ainvoke({"account": asked}))["brief"].account_id == HERO


@pytest.mark.parametrize("tool", ["knowledge_retriever", "price_calculator", "competitor_analysis"])
async def test_a_tool_that_fails_is_missing_from_the_brief_and_named(make_toolkit, tool):
    usual = make_toolkit()
    toolkit = make_toolkit([*usual_handlers(usual.settings), BreakingHandler(tool)])
    brief = (await build_account_brief(toolkit).ainvoke({"account": HERO}))["brief"]
    missing = [each for each in brief.left_out if tool in each.what]
    assert missing
    assert all("does not answer" in each.why or "does not work at the moment" in each.why for each in missing)
    assert brief.why
    assert brief.next_steps


async def test_a_crm_that_fails_is_a_problem_that_is_told(make_toolkit):
    usual = make_toolkit()
    toolkit = make_toolkit([*usual_handlers(usual.settings), BreakingHandler("crm_integration")])
    for asked in (None, "Acme", HERO):
        result = await build_account_brief(toolkit).ainvoke({"account": asked})
        assert result["brief"] is None
        assert "does not answer" in result["problem"]


async def test_a_caller_without_a_tools_role_gets_the_brief_without_that_tool(toolkit):
    config = {"configurable": {"caller_role": "npc"}}
    brief = (await build_account_brief(toolkit).ainvoke({"account": HERO}, config))["brief"]
    refused = {each.what.rpartition("(")[2] for each in brief.left_out if "may not use" in each.why}
    assert refused == {"knowledge_retriever)", "competitor_analysis)"}
    assert brief.price_options


async def test_an_account_without_an_open_deal_gets_a_brief_about_the_past(toolkit):
    brief = (await build_account_brief(toolkit).ainvoke({"account": "Eldergrove Hotels"}))["brief"]
    assert brief.deal_id is None
    assert brief.headline.endswith("no open deal")
    assert any("lost" in each.text for each in brief.situation)
    assert not brief.price_options


async def test_a_thread_may_ask_for_one_account_after_the_other(make_toolkit):
    toolkit = make_toolkit(rate_limits={"crm_integration": "60/minute"})
    graph = build_account_brief(toolkit, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    first = await graph.ainvoke({"account": "ACC-0203"}, config)
    second = await graph.ainvoke({"account": "nobody is called so"}, config)
    assert first["brief"].account_id == "ACC-0203"
    assert second["brief"] is None
    assert "No account" in second["problem"]
