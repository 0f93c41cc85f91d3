"""A variant that had better not be asked is not asked, and it is told who was selected."""

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.governed import govern
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.health import ToolHealthChecker
from salesboost_tools.nodes.availability import Availability
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.state import MemoryState
from tests.doubles import FakeClock, RunLedger, ScriptedTool
from tests.nodes.groups import LastFirst, group_of, learnt, variant
from tests.nodes.messages import answers, both_ways, call, calls, graph_of
from tests.nodes.tools import READ


class Sick:
    """Finds the tools named unhealthy."""

    def __init__(self, *names):
        self.names = names

    def is_unhealthy(self, tool_name):
        return tool_name in self.names


class Recording(ToolSelector):
    """Remembers what every choice was made from."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.offered = []

    def select_tool(self, tool_group, context=None, *, available=None, stands_in=False):
        chosen, decision_id = super().select_tool(tool_group, context, available=available, stands_in=stands_in)
        self.offered.append((tuple(available), self.find_decision(decision_id).masked))
        return chosen, decision_id


@both_ways
async def test_an_unhealthy_variant_is_masked(way):
    selector = Recording(LastFirst())
    node = ToolFanOut([], groups=[group_of(variant("a"), variant("b"))], selector=selector, health=Sick("b"))
    [message] = await answers(node, way, *calls("search"))
    assert message.content == "by a"
    assert selector.offered == [(("a",), ("b",))]


async def test_the_health_checker_masks_what_its_probe_finds_broken():
    class Probed(ScriptedTool):
        def probe(self):
            raise OSError("down")

    broken, works = Probed(name="b", spec=READ), variant("a")
    checker = ToolHealthChecker([works, broken])
    await checker.check_all()
    node = ToolFanOut([], groups=[group_of(broken, works)], health=checker)
    [message] = await answers(node, "async", *calls("search"))
    assert (message.content, broken.started) == ("by a", 0)


@both_ways
async def test_a_variant_whose_breaker_is_open_is_masked_before_it_is_asked(way):
    selector, clock = Recording(LastFirst()), FakeClock()
    breaker = CircuitBreakerHandler(1, open_s=30, clock=clock)
    broken = govern(variant("b", UpstreamError("down", status=503), "by b"), breaker)
    node = ToolFanOut([], groups=[group_of(variant("a"), broken)], selector=selector)
    assert [m.content for m in await answers(node, way, *calls("search"))] == ["by a"]
    ledger = RunLedger()
    node = ToolFanOut([], groups=[group_of(variant("a"), broken)], selector=selector)  # knows of no refusal yet
    await answers(node, way, *calls("search"), config={"callbacks": [ledger]})
    assert selector.offered[-1] == (("a",), ("b",))
    assert len(ledger.started) == 1
    clock.advance(31)
    assert [m.content for m in await answers(node, way, *calls("search"))] == ["by b"]


@both_ways
async def test_a_variant_whose_bucket_is_empty_is_masked_until_it_has_a_token_again(way):
    selector = Recording(LastFirst())
    limited = govern(variant("b"), RateLimitHandler(MemoryState(), limits={"b": "1/hour"}))
    node = ToolFanOut([], groups=[group_of(variant("a"), limited)], selector=selector, max_concurrency=1)
    messages = await answers(node, way, *calls("search", "search", "search"))
    assert [message.content for message in messages] == ["by b", "by a", "by a"]
    assert [offered for offered, _ in selector.offered] == [("a", "b"), ("a", "b"), ("a",), ("a",)]
    assert learnt(selector) == {"a": (2, 2, 0), "b": (1, 1, 0)}


def test_a_refusal_masks_for_as_long_as_it_says():
    from salesboost_tools.core.errors import RateLimitError

    clock = FakeClock()
    availability = Availability({"a": govern(variant("a")), "b": govern(variant("b"))}, clock=clock)
    availability.heed("a", RateLimitError("busy", retry_after=5.0))
    availability.heed("b", OSError("down"))
    assert availability.among(["a", "b"]) == ["b"]
    clock.advance(5)
    assert availability.among(["a", "b"]) == ["a", "b"]


@both_ways
async def test_if_nobody_is_available_somebody_says_why(way):
    limited = govern(variant("a"), RateLimitHandler(MemoryState(), limits={"a": "1/hour"}))
    node = ToolFanOut([], groups=[group_of(limited)], max_concurrency=1)
    messages = await answers(node, way, *calls("search", "search", "search"))
    assert [message.status for message in messages] == ["success", "error", "error"]
    assert all("call it again in" in message.content for message in messages[1:])


# ---------------------------------------------------------------- who was selected


@both_ways
async def test_it_is_told_who_was_selected_and_who_stands_in(way):
    status = StatusHandler()
    variants = [govern(variant("a"), status), govern(variant("b", OSError("down")), status)]
    node = ToolFanOut([], groups=[group_of(*variants)], selector=ToolSelector(LastFirst()))
    await answers(node, way, call("search", query="personal"))
    events = [(event.kind, event.tool) for event in status.feed.recent()]
    assert events == [
        *[("started", "b"), ("selected", "b"), ("failed", "b")],
        *[("started", "a"), ("selected", "a"), ("completed", "a")],
    ]
    told = [event.details for event in status.feed.recent() if event.kind == "selected"]
    assert [(details["group"], details["number"], details["why"]) for details in told] == [
        ("search", 1, "chosen"),
        ("search", 2, "chosen"),
    ]
    assert all(details["decision_id"] for details in told)
    assert "personal" not in str([event.as_dict() for event in status.feed.recent()])


async def test_who_was_selected_reaches_a_graphs_custom_stream_and_its_events():
    node = ToolFanOut([], groups=[group_of(govern(variant("a"), StatusHandler()))])
    asked = {"messages": [_message("search")]}
    streamed = [event async for event in graph_of(node).astream(asked, stream_mode="custom")]
    assert [event["kind"] for event in streamed] == ["started", "selected", "completed"]
    events = [
        event["data"]["kind"]
        async for event in graph_of(node).astream_events(asked, version="v2")
        if event["event"] == "on_custom_event"
    ]
    assert events == ["started", "selected", "completed"]


@both_ways
async def test_a_call_of_a_tool_that_is_in_no_group_selects_nobody(way):
    status = StatusHandler()
    await answers(ToolFanOut([govern(ScriptedTool(), status)]), way, *calls("scripted"))
    assert [event.kind for event in status.feed.recent()] == ["started", "completed"]


def _message(name):
    from langchain_core.messages import AIMessage

    return AIMessage("", tool_calls=calls(name))
