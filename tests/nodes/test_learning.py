"""Every real try of a variant is learnt from, and nothing else is; nobody waits for feedback that will not come."""

import asyncio

import pytest
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.selector import ToolSelector
from tests.nodes.groups import LastFirst, group_of, learnt, variant
from tests.nodes.messages import answers, asks, both_ways, calls
from tests.nodes.tools import READ, HangingTool
from tests.selection.logs import KeptLog


@both_ways
async def test_every_real_try_is_learnt_from(way):
    selector = ToolSelector(LastFirst())
    node = ToolFanOut([], groups=[group_of(variant("a"), variant("b", OSError("down")))], selector=selector)
    await answers(node, way, *calls("search", "search"))
    assert learnt(selector) == {"a": (2, 2, 0), "b": (2, 0, 0)}


@both_ways
async def test_an_answer_from_memory_is_not_learnt_from_and_nobody_waits_for_it(way):
    selector = ToolSelector(LastFirst())
    cached = govern(variant("a"), CacheHandler())
    node = ToolFanOut([], groups=[group_of(cached)], selector=selector, parallel=False)
    messages = await answers(node, way, *calls(*["search"] * 4))
    assert len(messages) == 4
    assert cached.inner.started == 1
    assert learnt(selector) == {"a": (1, 1, 0)}


@both_ways
async def test_a_refusal_is_not_learnt_from(way):
    selector = ToolSelector(LastFirst())
    limited = govern(variant("b"), RateLimitHandler(limits={"b": "1/hour"}))
    node = ToolFanOut([], groups=[group_of(variant("a"), limited)], selector=selector, parallel=False)
    await answers(node, way, *calls("search", "search"))
    assert learnt(selector) == {"a": (1, 1, 0), "b": (1, 1, 0)}


@both_ways
async def test_a_refusal_that_a_variant_turns_into_a_message_is_not_learnt_from_either(way):
    selector = ToolSelector(LastFirst())
    limited = govern(variant("b", handle_tool_error=True), RateLimitHandler(limits={"b": "1/hour"}))
    node = ToolFanOut([], groups=[group_of(variant("a"), limited)], selector=selector, parallel=False)
    messages = await answers(node, way, *calls("search", "search"))
    assert [message.content for message in messages] == ["by b", "by a"]
    assert learnt(selector) == {"a": (1, 1, 0), "b": (1, 1, 0)}


@both_ways
async def test_retries_are_one_try(way):
    selector = ToolSelector(LastFirst())

    async def at_once(seconds):
        pass

    patient = RetryHandler(sleep=lambda seconds: None, asleep=at_once)
    flaky = govern(variant("a", ConnectionError("once"), "up"), patient)
    node = ToolFanOut([], groups=[group_of(flaky)], selector=selector)
    [message] = await answers(node, way, *calls("search"))
    assert message.content == "up"
    assert learnt(selector) == {"a": (1, 1, 0)}


@both_ways
async def test_an_interrupt_is_not_learnt_from_and_not_tried_elsewhere(way):
    selector, other = ToolSelector(LastFirst()), variant("a")
    node = ToolFanOut([], groups=[group_of(other, variant("b", GraphInterrupt(["?"])))], selector=selector)
    with pytest.raises(GraphInterrupt):
        await answers(node, way, *calls("search"))
    assert other.started == 0
    assert learnt(selector) == {}


async def test_a_cancellation_is_not_learnt_from_and_nobody_waits():
    selector, hanging = ToolSelector(LastFirst()), HangingTool(name="a", spec=READ)
    node = ToolFanOut([], groups=[group_of(hanging)], selector=selector)
    task = asyncio.create_task(node.ainvoke(asks(*calls("search"))))
    await hanging.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert learnt(selector) == {}


@both_ways
async def test_every_try_is_logged_with_the_chance_it_had_among_those_that_were_left(way):
    log = KeptLog()
    selector = ToolSelector(EpsilonGreedy(0.5), seed=1, log=log)
    variants = [variant(name, OSError("down")) for name in "abc"]
    await answers(ToolFanOut([], groups=[group_of(*variants)], selector=selector), way, *calls("search"))
    assert [len(record.arms) for record in log.records] == [3, 2, 1]
    assert [sorted((*record.arms, *record.masked)) for record in log.records] == [["a", "b", "c"]] * 3
    assert log.records[0].propensity == pytest.approx(1 / 3)  # nobody is known to be better yet
    assert log.records[-1].propensity == 1
    assert all(sum(record.propensities) == pytest.approx(1) for record in log.records)
    assert [record.success for record in log.records] == [False] * 3
    assert [record.stands_in for record in log.records] == [False, True, True]


# ---------------------------------------------------------------- quality

RATED = ToolSpec(effect=Effect.READ, quality={"good": 0.9, "poor": 0.1, "odd": 7}.get)


def mean_quality(selector):
    return selector.get_statistics()["search"]["a"].mean_quality


@both_ways
async def test_how_good_an_answer_is_is_learnt_too(way):
    selector = ToolSelector(LastFirst())
    rated = variant("a", "good", "poor", spec=RATED)
    node = ToolFanOut([], groups=[group_of(rated)], selector=selector, parallel=False)
    for _ in range(2):
        await answers(node, way, *calls("search"))
    assert mean_quality(selector) == pytest.approx(0.5)


@both_ways
async def test_an_answer_from_memory_is_rated_once(way):
    selector = ToolSelector(LastFirst())
    rated = []
    spec = ToolSpec(effect=Effect.READ, quality=lambda result: rated.append(result) or 0.5)
    cached = govern(variant("a", spec=spec), CacheHandler())
    node = ToolFanOut([], groups=[group_of(cached)], selector=selector, parallel=False)
    for _ in range(3):
        await answers(node, way, *calls("search"))
    assert rated == ["by a"]
    assert learnt(selector) == {"a": (1, 1, 0)}


@both_ways
@pytest.mark.parametrize("answer", ["odd", "unknown", ["not hashable"]], ids=repr)
async def test_where_quality_cannot_be_told_the_answer_counts_all_the_same(way, answer):
    selector = ToolSelector(LastFirst())
    node = ToolFanOut([], groups=[group_of(variant("a", answer, spec=RATED))], selector=selector)
    [message] = await answers(node, way, *calls("search"))
    assert message.status == "success"
    assert learnt(selector) == {"a": (1, 1, 0)}
    assert mean_quality(selector) is None
