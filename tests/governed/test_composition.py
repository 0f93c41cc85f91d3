"""Handlers stand around a tool by their `order`, wherever they come from, and see the call as it is."""

import gc
import weakref
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode

from salesboost_tools.core.call import ANONYMOUS, ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import govern
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.chain import _CHAINS_KEPT, Chain
from tests.doubles import RunLedger, ScriptedTool
from tests.governed.side_by_side import WAYS, as_tool_call


class Outer(ToolHandler):
    """Writes down its name when it is passed, and the call it saw."""

    order = 10

    def __init__(self, book=None):
        self.book = [] if book is None else book
        self.calls: list[ToolCall] = []

    def around(self, call, proceed):
        self._note(call)
        return proceed(call)

    async def aaround(self, call, proceed):
        self._note(call)
        return await proceed(call)

    def _note(self, call):
        self.book.append(type(self).__name__)
        self.calls.append(call)


class Middle(Outer):
    order = 20


class Inner(Outer):
    order = 30


async def invoke(governed: BaseTool, way: str, given: Any, config: Any = None) -> Any:
    return governed.invoke(given, config) if way == "sync" else await governed.ainvoke(given, config)


# ---------------------------------------------------------------- order

ways = pytest.mark.parametrize("way", WAYS)


@ways
async def test_handlers_stand_by_their_order_not_by_their_place(way):
    book = []
    governed = govern(ScriptedTool(), Inner(book), Outer(book), Middle(book))
    await invoke(governed, way, {})
    assert book == ["Outer", "Middle", "Inner"]


@ways
async def test_handlers_of_govern_the_tool_and_the_config_stand_together(way):
    book = []
    governed = govern(ScriptedTool(), Middle(book))
    governed.callbacks = [Inner(book)]
    await invoke(governed, way, {}, {"callbacks": [Outer(book), RunLedger()]})
    assert book == ["Outer", "Middle", "Inner"]
    await invoke(governed, way, {})
    assert book[3:] == ["Middle", "Inner"]


@ways
async def test_a_handler_given_twice_stands_once(way):
    handler = Outer()
    governed = govern(ScriptedTool(), handler, handler)
    governed.callbacks = [handler]
    await invoke(govern(governed, handler), way, {}, {"callbacks": [handler]})
    assert handler.book == ["Outer"]


def test_handlers_of_one_order_keep_their_sequence():
    first, second = Outer(), Outer()
    assert Chain([first, second]).handlers == (first, second)
    assert Chain([second, first]).handlers == (second, first)


@ways
async def test_handlers_of_the_config_reach_nested_tools_while_those_of_the_tool_do_not(way):
    def nests(x: int) -> int:
        return nested.invoke({"query": str(x)})

    async def nests_later(x: int) -> int:
        return await nested.ainvoke({"query": str(x)})

    nested = govern(ScriptedTool())
    own, of_tool, of_config = Outer(), Outer(), Outer()
    governed = govern(StructuredTool.from_function(nests, nests_later, name="nests", description="Nests."), own)
    governed.callbacks = [of_tool]
    await invoke(governed, way, {"x": 1}, {"callbacks": [of_config]})
    assert [call.name for call in own.calls] == [call.name for call in of_tool.calls] == ["nests"]
    assert [call.name for call in of_config.calls] == ["nests", "scripted"]


def test_handlers_made_anew_for_every_call_do_not_pile_up():
    governed = govern(ScriptedTool())
    handlers = [Outer() for _ in range(_CHAINS_KEPT + 1)]
    gone = weakref.ref(handlers[0])
    for handler in handlers:
        governed.invoke({}, {"callbacks": [handler]})
        assert len(governed._plan.chains._joined) <= _CHAINS_KEPT
        assert handler.book == ["Outer"]
    del handlers
    gc.collect()
    assert gone() is None


def test_a_chain_is_made_once_for_the_same_handlers():
    governed = govern(ScriptedTool(), Outer())
    given = Inner()
    chain = governed._plan.chains.with_those_in([given, RunLedger()])
    assert governed._plan.chains.with_those_in([given]) is chain
    assert governed._plan.chains.with_those_in([RunLedger()]) is governed._plan.chains.alone


# ---------------------------------------------------------------- halves, companions, observers


class OnlySync(ToolHandler):
    order = 1

    def around(self, call, proceed):
        return proceed(call)


class OnlyAsync(ToolHandler):
    order = 1

    async def aaround(self, call, proceed):
        return await proceed(call)


@pytest.mark.parametrize(("half", "missing_way"), [(OnlySync, "async"), (OnlyAsync, "sync")])
async def test_half_a_handler_is_refused_in_the_other_kind_of_run(half, missing_way):
    other_way = "sync" if missing_way == "async" else "async"
    governed = govern(ScriptedTool(), half())
    assert await invoke(governed, other_way, {}) == "answer"
    with pytest.raises(ConfigurationError, match=f"{half.__name__} overrides .* alone.*write both"):
        await invoke(governed, missing_way, {})


@ways
async def test_a_handler_may_go_on_through_super(way):
    class GoesOn(Outer):
        def around(self, call, proceed):
            return super(Outer, self).around(call, proceed)

        async def aaround(self, call, proceed):
            return await super(Outer, self).aaround(call, proceed)

    assert await invoke(govern(ScriptedTool(), GoesOn()), way, {}) == "answer"


@ways
async def test_companions_stand_where_their_order_says(way):
    book = []

    class HasACompanion(Outer):
        def companions(self):
            return (self.companion,)

    handler = HasACompanion(book)
    handler.companion = Inner(book)
    await invoke(govern(ScriptedTool(), handler, Middle(book), handler), way, {})
    assert book == ["HasACompanion", "Middle", "Inner"]


class Watches(ToolHandler):
    """Hears what others do; does nothing itself."""

    order = 5

    def __init__(self, error=None):
        self.heard = []
        self.error = error

    def observe(self, call, event, details):
        self.heard.append((call.name, event, details))
        if self.error:
            raise self.error


class Tells(Outer):
    def _note(self, call):
        call.emit("told", size=1)


@ways
async def test_observers_hear_what_others_do(way):
    given, found = Watches(), Watches()
    await invoke(govern(ScriptedTool(), Tells(), given), way, {}, {"callbacks": [found]})
    assert given.heard == found.heard == [("scripted", "told", {"size": 1})]


@ways
async def test_an_observer_that_fails_is_counted_and_does_no_harm(way, caplog):
    failing, working = Watches(ValueError("a bug")), Watches()
    governed = govern(ScriptedTool(), Tells(), failing, working)
    assert await invoke(governed, way, {}) == "answer"
    assert await invoke(governed, way, {}) == "answer"
    assert (failing.observer_failures, working.observer_failures) == (2, 0)
    assert len(working.heard) == 2
    assert "Watches.observe failed on 'told'" in caplog.text


def test_an_event_nobody_observes_goes_nowhere():
    ToolCall("t", {}, UNSPECIFIED).emit("told")
    with pytest.raises(RuntimeError, match="stands for no tool"):
        Chain([]).call(ToolCall("t", {}, UNSPECIFIED))


# ---------------------------------------------------------------- arguments


class Replaces(ToolHandler):
    """Puts other arguments in the place of the given ones."""

    order = 15

    def __init__(self, **args):
        self.args = args

    def around(self, call, proceed):
        return proceed(call.with_args({**call.args, **self.args}))

    async def aaround(self, call, proceed):
        return await proceed(call.with_args({**call.args, **self.args}))


@ways
async def test_arguments_that_a_handler_put_in_reach_the_tool_and_the_handlers_within(way):
    within = Inner()
    governed = govern(ScriptedTool(lambda query: query), Replaces(query="other"), within)
    assert await invoke(governed, way, {"query": "given"}) == "other"
    assert within.calls[0].args == {"query": "other"}


@ways
async def test_injected_arguments_are_kept_and_never_seen(way):
    def looks(x: int, state: Annotated[dict, InjectedState]) -> str:
        """Look at the state."""
        return f"{x} {len(state['messages'])}"

    async def looks_later(x: int, state: Annotated[dict, InjectedState]) -> str:
        """Look at the state."""
        return looks(x, state)

    seen = Outer()
    governed = govern(StructuredTool.from_function(looks, looks_later), Replaces(x=7), seen)
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([governed]))
    graph.add_edge(START, "tools")
    given = {"messages": [AIMessage("", tool_calls=[as_tool_call("looks", {"x": 1})])]}
    state = await invoke(graph.compile(), way, given)
    assert state["messages"][-1].content == "7 1"
    assert seen.calls[0].args == {"x": 1}
    assert seen.calls[0].tool_call_id == "call-1"


@ways
async def test_a_text_is_seen_under_the_name_of_the_first_argument(way):
    seen = Inner()
    governed = govern(ScriptedTool(lambda query: query), seen)
    assert await invoke(governed, way, "text") == "text"
    assert await invoke(govern(governed, Replaces(query="other")), way, "text") == "other"
    assert [call.args for call in seen.calls] == [{"query": "text"}, {"query": "other"}]


@ways
async def test_arguments_that_a_handler_adds_to_a_text_go_by_name(way):
    governed = govern(StructuredTool.from_function(_say, _say_later), Replaces(loud=True))
    assert await invoke(governed, way, "hello") == "HELLO."


def _say(text: str, end: str = ".", loud: bool = False) -> str:
    """Say it."""
    return (text.upper() if loud else text) + end


async def _say_later(text: str, end: str = ".", loud: bool = False) -> str:
    """Say it."""
    return _say(text, end, loud)


class SplitsItsInput(BaseTool):
    name: str = "splits"
    description: str = "Takes some by position and some by name."

    def _run(self, *args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"

    def _to_args_and_kwargs(self, tool_input: Any, tool_call_id: str | None) -> Any:
        return (tool_input["first"], 2), {"named": tool_input["named"]}


@ways
async def test_handlers_see_all_of_what_a_tool_gets_by_position_and_by_name(way):
    seen = Outer()
    governed = govern(SplitsItsInput(), seen)
    assert await invoke(governed, way, {"first": 1, "named": 3}) == "(1, 2) {'named': 3}"
    assert seen.calls[0].args == {"args": (1, 2), "named": 3}
    assert await invoke(govern(governed, Replaces(args=(5, 6))), way, {"first": 1, "named": 3}) == "(5, 6) {'named': 3}"


NAMES = {
    "a JSON schema": (StructuredTool(name="j", description="J.", func=len, args_schema={"properties": {"q": {}}}), "q"),
    "an empty JSON schema": (StructuredTool(name="j", description="J.", func=len, args_schema={}), "tool_input"),
    "a signature": (SplitsItsInput(), "args"),
    "a model": (ScriptedTool(), "query"),
}


@pytest.mark.parametrize(("bare", "name"), NAMES.values(), ids=NAMES)
def test_the_name_for_a_text_is_found_without_making_a_schema(bare, name):
    assert govern(bare)._plan.lone_key == name


@ways
async def test_arguments_never_appear_in_the_repr_of_a_call(way):
    seen = Outer()
    await invoke(govern(ScriptedTool(), seen), way, {"query": "secret"})
    assert "secret" not in repr(seen.calls[0])
    assert seen.calls[0].args == {"query": "secret"}


@ways
async def test_a_call_tells_which_run_and_whose_it_is(way):
    seen, ledger = Outer(), RunLedger()
    await invoke(govern(ScriptedTool(), seen), way, as_tool_call("scripted", {}), {"callbacks": [ledger]})
    call = seen.calls[0]
    assert [call.run_id] == list(ledger.started)
    assert (call.name, call.tool_call_id, call.caller, call.record.attempts) == ("scripted", "call-1", ANONYMOUS, 1)


@ways
async def test_an_attempt_is_counted_each_time_the_tool_is_started(way):
    class Twice(Outer):
        def around(self, call, proceed):
            self._note(call)
            return proceed(call) + proceed(call)

        async def aaround(self, call, proceed):
            self._note(call)
            return await proceed(call) + await proceed(call)

    twice = Twice()
    assert await invoke(govern(ScriptedTool("a", "b"), twice), way, {}) == "ab"
    assert twice.calls[0].record.attempts == 2


async def test_a_sync_simple_tool_goes_the_async_way_of_its_handlers():
    @tool
    def shouts(text: str) -> str:
        """Shout."""
        return text.upper()

    from langchain_core.tools import Tool

    for bare in (shouts, Tool(name="shouts", func=str.upper, description="Shout.")):
        assert await govern(bare, OnlyAsync()).ainvoke("a") == "A"
