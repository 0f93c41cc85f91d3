"""The tools with the usual handlers around them, over the shipped data, in a folder of their own."""

import pytest
from langchain_core.tools import BaseToolkit
from langchain_core.utils.function_calling import convert_to_openai_tool

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, RateLimitError, ToolPermissionError, UncountedCallError
from salesboost_tools.core.spec import UNSPECIFIED, Effect
from salesboost_tools.executor import ToolExecutor
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.settings import Settings
from salesboost_tools.state import MemoryState
from salesboost_tools.toolkit import USUAL_ORDER, SalesToolkit, state_of, usual_handlers
from salesboost_tools.tools.names import KNOWLEDGE_VARIANTS
from tests.doubles import FakeClock, RunLedger, ScriptedTool
from tests.nodes.messages import answers, both_ways, call, run

COACH = {"configurable": {"caller_role": "coach"}}
NPC = {"configurable": {"caller_role": "npc"}}

STALLED = {"operation": "list", "record_type": "deal", "stalled_days": 14, "limit": 3}
PRICE = {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}


@pytest.fixture
def open_toolkit(data_dir):
    """Makes toolkits over the same data, each with a state of its own, and closes them."""
    opened = []

    def make(*, handlers=None, state=None, **settings):
        toolkit = SalesToolkit(Settings(data_dir=data_dir, **settings), handlers=handlers, state=state)
        opened.append(toolkit)
        return toolkit

    yield make
    for toolkit in opened:
        toolkit.close()


@pytest.fixture
def toolkit(open_toolkit):
    return open_toolkit()


def by_name(toolkit):
    return {tool.name: tool for tool in toolkit.get_tools()}


# ---------------------------------------------------------------- what is in it


def test_it_is_a_langchain_toolkit_of_governed_tools(toolkit):
    assert isinstance(toolkit, BaseToolkit)
    assert list(by_name(toolkit)) == [
        "knowledge_retriever",
        "price_calculator",
        "stage_classifier",
        "crm_integration",
        "competitor_analysis",
        "profile_reader",
        "compliance_check",
        "sms_outreach",
    ]
    assert all(isinstance(tool, GovernedTool) for tool in toolkit.get_tools())
    assert all(tool.handlers == toolkit.handlers for tool in toolkit.get_tools())


def test_every_tool_can_be_shown_to_a_model(toolkit):
    for tool in toolkit.get_tools():
        shown = convert_to_openai_tool(tool)["function"]
        assert shown["name"] == tool.name
        assert len(shown["description"]) > 40
        assert shown["parameters"]["properties"]


def test_tools_are_made_once_and_the_list_is_the_callers_own(toolkit):
    first = toolkit.get_tools()
    count = len(first)
    first.clear()
    assert [id(tool) for tool in toolkit.get_tools()] == [id(tool) for tool in toolkit.get_tools()]
    assert len(toolkit.get_tools()) == count


def test_three_ways_to_search_stand_behind_one_name(toolkit):
    [group] = toolkit.groups
    assert group.name == "knowledge_retriever"
    assert group.names == ("knowledge_retriever_lexical", "knowledge_retriever_semantic", "knowledge_retriever_hybrid")
    assert group.explore
    assert all(variant.handlers == toolkit.handlers for variant in group.variants)


def test_embeddings_and_retrievers_of_ones_own_are_variants(tmp_path):
    from langchain_core.documents import Document
    from langchain_core.vectorstores import InMemoryVectorStore

    from tests.tools.knowledge.test_embeddings import HashedWordEmbeddings

    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "zebras.txt").write_text("Zebras are striped.")
    store = InMemoryVectorStore(HashedWordEmbeddings())
    store.add_documents([Document("Zebras live in herds.", metadata={"document": "HB-7", "version": "2"})])
    settings = Settings(data_dir=tmp_path, allowed_roles={"knowledge_retriever": ["npc"]})
    retrievers = {"handbook": store, "shelf": store.as_retriever()}
    toolkit = SalesToolkit(settings, embeddings=HashedWordEmbeddings(), retrievers=retrievers)
    [group] = toolkit.groups
    assert group.names == (*KNOWLEDGE_VARIANTS, "knowledge_retriever_handbook", "knowledge_retriever_shelf")
    found = {variant.name: variant.invoke({"query": "zebras"}, NPC) for variant in group.variants}
    cited = {name[20:]: answer["passages"][0]["document"] for name, answer in found.items()}
    assert cited == {
        "lexical": "zebras.txt", "semantic": "zebras.txt", "hybrid": "zebras.txt", "handbook": "HB-7", "shelf": "HB-7",
    }  # fmt: skip
    for variant in group.variants:
        with pytest.raises(ToolPermissionError):
            variant.invoke({"query": "zebras"}, COACH)
    toolkit.close()


@pytest.mark.parametrize(("kind", "retriever"), [("lexical", None), ("two words", None), ("mine", object())])
def test_a_retriever_that_is_none_or_takes_a_name_is_refused(tmp_path, kind, retriever):
    toolkit = SalesToolkit(Settings(data_dir=tmp_path), retrievers={kind: retriever})
    with pytest.raises(ConfigurationError, match="retriever"):
        toolkit.get_tools()


async def test_how_the_retriever_searches_by_itself_can_be_chosen(open_toolkit):
    chosen = open_toolkit(knowledge_search="hybrid")
    [group] = chosen.groups
    assert group.names[0] == "knowledge_retriever_hybrid"
    question = {"query": "the customer says we are too expensive"}
    found = await by_name(chosen)["knowledge_retriever"].ainvoke(question, COACH)
    assert found == await group.variants[0].ainvoke(question, COACH)
    assert "directions" in by_name(chosen)["knowledge_retriever"].inner.probe()
    assert "directions" not in by_name(open_toolkit())["knowledge_retriever"].inner.probe()


def test_default_rates(toolkit):
    limits = {name: str(tool.spec.rate_limit) for name, tool in by_name(toolkit).items()}
    assert limits == {
        "knowledge_retriever": "10/minute",
        "price_calculator": "30/minute",
        "stage_classifier": "10/minute",
        "crm_integration": "5/minute",
        "competitor_analysis": "5/minute",
        "profile_reader": "20/minute",
        "compliance_check": "15/minute",
        "sms_outreach": "20/hour",
    }


def test_tools_that_may_change_something_say_when(toolkit):
    crm, sms, reader = (by_name(toolkit)[name] for name in ("crm_integration", "sms_outreach", "profile_reader"))
    assert sms.spec.effect_of({"operation": "send"}) is Effect.WRITE
    assert sms.spec.effect_of({"operation": "history"}) is Effect.READ
    assert crm.spec.effect_of({"operation": "create_note"}) is Effect.WRITE
    assert crm.spec.effect_of(STALLED) is Effect.READ
    assert reader.spec.effect_of({"operation": "erase"}) is Effect.WRITE
    assert reader.spec.effect_of({"operation": "read"}) is Effect.READ
    others = [tool for tool in toolkit.get_tools() if tool not in (crm, sms, reader)]
    assert {tool.spec.effect for tool in others} == {Effect.READ}


# ---------------------------------------------------------------- which handlers, in which order


def test_the_usual_handlers_outermost_first():
    assert [type(handler) for handler in usual_handlers(Settings())] == [
        StatusHandler,
        MetricsHandler,
        PermissionHandler,
        IdempotencyHandler,
        CacheHandler,
        RetryHandler,
        CircuitBreakerHandler,
        RateLimitHandler,
        TimeoutHandler,
    ]


def test_masking_and_approval_stand_there_if_asked_for():
    kinds = [type(handler) for handler in usual_handlers(Settings(masking_enabled=True, approval_enabled=True))]
    assert kinds == [kind for _, kind, _ in USUAL_ORDER]


def test_the_list_agrees_with_the_order_of_the_classes_and_with_what_makes_them():
    orders = [kind.order for _, kind, _ in USUAL_ORDER]
    assert orders == sorted(set(orders))
    state = MemoryState()
    for name, kind, make in USUAL_ORDER:
        assert name in Settings.model_fields
        assert type(make(Settings(), state)) is kind


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kind, _ in USUAL_ORDER])
def test_each_can_be_switched_off(name, kind):
    everything = {each: True for each, _, _ in USUAL_ORDER}
    kinds = [type(handler) for handler in usual_handlers(Settings(**{**everything, name: False}))]
    assert kind not in kinds
    assert len(kinds) == len(USUAL_ORDER) - 1


def test_a_handler_is_found_by_its_class(open_toolkit):
    toolkit = open_toolkit(cache_enabled=False)
    assert isinstance(toolkit.handler(RetryHandler), RetryHandler)
    assert toolkit.handler(CacheHandler) is None


@both_ways
async def test_without_handlers_nothing_is_checked(open_toolkit, way):
    toolkit = open_toolkit(handlers=[])
    assert toolkit.handlers == ()
    for _ in range(2):
        answer = await run(by_name(toolkit)["price_calculator"], PRICE, way)
        assert answer["currency"]


async def test_ones_own_handlers_stand_instead_of_the_usual_ones(open_toolkit):
    class Counting(ToolHandler):
        order = 1

        def __init__(self):
            self.calls = []

        def around(self, call, proceed):
            self.calls.append(call.name)
            return proceed(call)

        async def aaround(self, call, proceed):
            self.calls.append(call.name)
            return await proceed(call)

    counting = Counting()
    toolkit = open_toolkit(handlers=[counting])
    await by_name(toolkit)["price_calculator"].ainvoke(PRICE)
    assert toolkit.handlers == (counting,)
    assert counting.calls == ["price_calculator"]


# ---------------------------------------------------------------- calls


@both_ways
async def test_a_role_that_a_tool_does_not_list_is_refused(toolkit, way):
    tools = by_name(toolkit)
    assert (await run(tools["price_calculator"], PRICE, way, NPC))["currency"]
    for config in (NPC, {}):
        with pytest.raises(ToolPermissionError, match="competitor_analysis"):
            await run(tools["competitor_analysis"], {}, way, config)


@both_ways
async def test_a_model_hears_of_a_refusal_and_a_program_gets_the_error(toolkit, way):
    tool = by_name(toolkit)["competitor_analysis"]
    message = await run(tool, call("competitor_analysis"), way, NPC)
    assert (message.status, message.content) == (
        "error",
        "You may not use `competitor_analysis` here. Answer without it.",
    )
    with pytest.raises(ToolPermissionError):
        await run(tool, {}, way, NPC)


@both_ways
async def test_the_second_equal_question_is_answered_from_memory(toolkit, way):
    tool = by_name(toolkit)["knowledge_retriever"]
    question = {"query": "data residency in the EU"}
    first, second = [await run(tool, question, way, COACH) for _ in range(2)]
    assert first == second
    assert first["answer_found"]
    statistics = toolkit.handler(CacheHandler).statistics()["knowledge_retriever"]
    assert (statistics.hits, statistics.misses) == (1, 1)


@both_ways
async def test_the_sixth_crm_call_within_a_minute_is_refused_and_told_when(open_toolkit, way):
    clock = FakeClock()
    toolkit = open_toolkit(state=MemoryState(clock), retry_enabled=False)
    crm = by_name(toolkit)["crm_integration"]
    for number in range(5):
        await run(crm, {**STALLED, "limit": number + 1}, way, COACH)
    with pytest.raises(RateLimitError, match="5/minute") as refused:
        await run(crm, {**STALLED, "limit": 6}, way, COACH)
    assert refused.value.retry_after == pytest.approx(12, abs=1e-3)
    await run(crm, STALLED | {"limit": 5}, way, COACH)  # from memory, which costs nothing
    clock.advance(refused.value.retry_after)
    assert await run(crm, {**STALLED, "limit": 6}, way, COACH)


async def test_rates_can_be_set(open_toolkit):
    toolkit = open_toolkit(rate_limits={"price_calculator": "1/hour"}, cache_enabled=False)
    tool = by_name(toolkit)["price_calculator"]
    await tool.ainvoke(PRICE, COACH)
    with pytest.raises(RateLimitError, match="1/hour"):
        await tool.ainvoke(PRICE, COACH)


DEFAULT_RATES = {
    "knowledge_retriever": "10/minute",
    "crm_integration": "5/minute",
    "sms_outreach": "20/hour",
    "compliance_check": "15/minute",
    "profile_reader": "20/minute",
    "price_calculator": "30/minute",
    "stage_classifier": "10/minute",
    "competitor_analysis": "5/minute",
}


async def test_without_settings_every_tool_has_its_usual_rate(toolkit):
    limiter = toolkit.handler(RateLimitHandler)
    rates = {name: str(limiter.limit_of(ToolCall(name, {}, tool.spec))) for name, tool in by_name(toolkit).items()}
    assert rates == {name: DEFAULT_RATES[name] for name in rates}
    assert str(limiter.limit_of(ToolCall("anything_else", {}, UNSPECIFIED))) == "10/minute"


async def test_a_rate_may_be_each_users_own(open_toolkit):
    toolkit = open_toolkit(rate_limits={"price_calculator": "1/hour"}, rate_limit_per="user", cache_enabled=False)
    tool = by_name(toolkit)["price_calculator"]
    for user in ("dana", "kim"):
        config = {"configurable": {"caller_role": "coach", "user_id": user}}
        await tool.ainvoke(PRICE, config)
        with pytest.raises(RateLimitError, match="per user"):
            await tool.ainvoke(PRICE, config)


NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@both_ways
async def test_while_state_is_down_tools_work_at_this_workers_share_and_it_is_known(open_toolkit, way):
    toolkit = open_toolkit(
        redis_url=NOBODY_LISTENS, rate_limits={"price_calculator": "6/hour"}, workers=3, cache_enabled=False
    )
    tool = by_name(toolkit)["price_calculator"]
    for _ in range(2):
        assert await run(tool, PRICE, way, COACH)
    with pytest.raises(RateLimitError):
        await run(tool, PRICE, way, COACH)
    for _ in range(3):  # a refused connection costs no time; three in a row are an outage
        with pytest.raises(RateLimitError):
            await run(tool, PRICE, way, COACH)
    assert not toolkit.state.health.answers
    assert toolkit.state.health.down_for_s >= 0


async def test_nothing_may_pass_uncounted_if_so_set(open_toolkit):
    toolkit = open_toolkit(redis_url=NOBODY_LISTENS, rate_limit_when_down="closed")
    with pytest.raises(UncountedCallError):
        await by_name(toolkit)["price_calculator"].ainvoke(PRICE, COACH)


async def test_stored_results_last_as_long_as_the_settings_say(open_toolkit):
    clock = FakeClock()
    usual = usual_handlers(Settings(cache_ttl=10, cache_stale=5, cache_empty_ttl=2), MemoryState(clock))
    cache = next(handler for handler in usual if isinstance(handler, CacheHandler))
    found, nothing = (govern(ScriptedTool(answer, "later", name=name), cache) for name, answer in (("a", 1), ("b", [])))
    for tool in (found, nothing):
        await tool.ainvoke({})
    clock.advance(3)
    assert [await found.ainvoke({}), await nothing.ainvoke({})] == [1, "later"]
    assert cache._stale_s == 5
    assert MemoryState().health.answers


@both_ways
async def test_the_node_runs_all_tools_of_a_message_over_the_shipped_data(toolkit, way):
    ledger = RunLedger()
    asked = [
        call("crm_integration", "c0", **STALLED),
        call("knowledge_retriever", "c1", query="the customer says we are too expensive"),
        call("price_calculator", "c2", **PRICE),
        call("competitor_analysis", "c3", aspect="overview"),
        call("crm_integration", "c4", operation="get", record_type="account", record_id="ACC-9999"),
    ]
    node = toolkit.fan_out()
    messages = await answers(node, way, *asked, config={**COACH, "callbacks": [ledger]})
    assert [message.tool_call_id for message in messages] == ["c0", "c1", "c2", "c3", "c4"]
    assert [message.name for message in messages] == [each["name"] for each in asked]
    assert [message.status for message in messages] == ["success"] * 4 + ["error"]
    assert "DEAL-" in messages[0].content
    assert messages[1].response_metadata["variant"] == "knowledge_retriever_lexical"
    assert "PIPE-TEAM" in messages[2].content
    assert "ACC-9999" in messages[4].content
    assert ledger.every_run_closed_once()
    assert toolkit.selector.get_statistics()["knowledge_retriever"]["knowledge_retriever_lexical"].pulls == 1


def test_the_node_is_bounded_as_the_settings_say_unless_told_otherwise(open_toolkit):
    toolkit = open_toolkit(parallel_max_concurrent=2, parallel_enabled=False)
    node = toolkit.fan_out()
    assert isinstance(node, ToolFanOut)
    assert (node._max_concurrency, node._parallel) == (2, False)
    assert sorted(node.tools_by_name) == sorted(by_name(toolkit))
    assert toolkit.fan_out(max_concurrency=9)._max_concurrency == 9


async def test_the_node_runs_other_tools_than_the_toolkits_own_if_given(toolkit):
    node = toolkit.fan_out([ScriptedTool("other", name="price_calculator")])
    assert sorted(node.tools_by_name) == ["knowledge_retriever", "price_calculator"]
    [message] = await answers(node, "async", call("price_calculator"))
    assert message.content == "other"


async def test_the_executor_runs_the_same_tools(toolkit):
    executor = toolkit.executor()
    assert isinstance(executor, ToolExecutor)
    refused, priced = await executor.execute_parallel(
        [{"name": "knowledge_retriever", "payload": {"query": "x"}}, {"name": "price_calculator", "payload": PRICE}],
        "npc",
    )
    assert refused["error"]["type"] == "ToolPermissionError"
    assert priced["ok"]


@both_ways
async def test_the_bandit_chooses_only_if_it_is_switched_on(open_toolkit, way):
    assert open_toolkit().selector._mode == "shadow"
    random = {"bandit_policy": "epsilon_greedy", "bandit_epsilon": 1.0}
    toolkit = open_toolkit(bandit_enabled=True, **random, cache_enabled=False, rate_limit_enabled=False)
    asked = [call("knowledge_retriever", f"c{number}", query=f"discount {number}") for number in range(20)]
    messages = await answers(toolkit.fan_out(), way, *asked, config=COACH)
    assert {message.response_metadata["variant"] for message in messages} == set(toolkit.groups[0].names)


@both_ways
async def test_toolkits_over_one_state_learn_together(open_toolkit, way):
    state = MemoryState()
    first, second = open_toolkit(state=state), open_toolkit(state=state)
    await answers(first.fan_out(), way, call("knowledge_retriever", "c", query="discount"), config=COACH)
    first.selector._store.merge()
    second.selector._store.merge()
    assert second.selector.get_statistics()["knowledge_retriever"]["knowledge_retriever_lexical"].pulls == 1


# ---------------------------------------------------------------- the end


def test_closing_may_be_done_twice_and_before_anything_was_opened(open_toolkit):
    toolkit = open_toolkit()
    toolkit.close()
    toolkit.get_tools()
    toolkit.close()
    toolkit.close()


def test_nothing_is_opened_before_tools_are_asked_for(tmp_path):
    toolkit = SalesToolkit(Settings(data_dir=tmp_path / "later"))
    assert not (tmp_path / "later").exists()
    toolkit.get_tools()
    toolkit.close()
    assert (tmp_path / "later").exists()


@both_ways
async def test_tools_that_were_handed_out_still_work_after_the_toolkit_is_closed(toolkit, way):
    tools = by_name(toolkit)
    toolkit.close()
    assert await run(tools["crm_integration"], STALLED, way, COACH)
    assert (await run(tools["knowledge_retriever"], {"query": "security"}, way, COACH))["answer_found"]


def test_a_redis_that_the_settings_name_holds_the_state():
    state = state_of(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert type(state).__name__ == "RedisState"
    assert isinstance(state_of(Settings()), MemoryState)
