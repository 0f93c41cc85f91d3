"""No more calls run at once than the node and the config allow, and no fewer."""

import asyncio

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.nodes.messages import WAYS, Crowd, answers, asks, both_ways, calls, graph_of, run
from tests.nodes.tools import BlockingMeetingTool, MeetingTool

BOUNDS = [
    # of the node, of the config, what holds
    (1, None, 1),
    (3, None, 3),
    (4, 2, 2),
    (2, 8, 2),
    (3, 1, 1),
]


@both_ways
@pytest.mark.parametrize(("of_node", "of_config", "holds"), BOUNDS)
async def test_the_smaller_bound_holds_and_is_used_up(way, of_node, of_config, holds):
    crowd = Crowd(holds)
    node = ToolFanOut([MeetingTool(crowd)], max_concurrency=of_node)
    config = {} if of_config is None else {"max_concurrency": of_config}
    messages = await answers(node, way, *calls(*["meeting"] * 3 * holds), config=config)
    assert [message.content for message in messages] == ["met"] * 3 * holds
    assert crowd.most_at_once == holds


@pytest.mark.parametrize(("of_node", "of_config", "holds"), BOUNDS)
async def test_blocking_tools_of_an_async_run_keep_to_the_same_bound(of_node, of_config, holds):
    crowd = Crowd(holds)
    node = ToolFanOut([BlockingMeetingTool(crowd)], max_concurrency=of_node)
    config = {} if of_config is None else {"max_concurrency": of_config}
    messages = await answers(node, "async", *calls(*["meeting"] * 2 * holds), config=config)
    assert [message.content for message in messages] == ["met"] * 2 * holds
    assert crowd.most_at_once == holds


async def test_blocking_tools_get_as_many_threads_as_calls_may_run_at_once():
    crowd = Crowd(40)
    node = ToolFanOut([BlockingMeetingTool(crowd)], max_concurrency=40)
    messages = await answers(node, "async", *calls(*["meeting"] * 40))
    assert {message.content for message in messages} == {"met"}


@both_ways
async def test_five_calls_run_at_once_if_nobody_says_otherwise(way):
    crowd = Crowd(5)
    await answers(ToolFanOut([MeetingTool(crowd)]), way, *calls(*["meeting"] * 10))
    assert crowd.most_at_once == 5


@both_ways
async def test_a_graph_passes_its_bound_on(way):
    crowd = Crowd(2)
    graph = graph_of(ToolFanOut([MeetingTool(crowd)], max_concurrency=6))
    await run(graph, asks(*calls(*["meeting"] * 6)), way, {"max_concurrency": 2})
    assert crowd.most_at_once == 2


@both_ways
async def test_without_parallel_one_call_runs_at_a_time(way):
    crowd = Crowd(1)
    node = ToolFanOut([MeetingTool(crowd)], parallel=False)
    assert len(await answers(node, way, *calls(*["meeting"] * 4))) == 4
    assert crowd.most_at_once == 1


async def test_messages_that_run_at_once_each_have_the_bound_for_themselves():
    crowd = Crowd(4)
    node = ToolFanOut([BlockingMeetingTool(crowd)], max_concurrency=2)
    await asyncio.gather(*(answers(node, "async", *calls("meeting", "meeting")) for _ in range(2)))
    assert crowd.most_at_once == 4


@pytest.mark.parametrize("bound", [0, -1])
def test_a_bound_below_one_is_refused(bound):
    with pytest.raises(ConfigurationError, match="max_concurrency is 1 or more"):
        ToolFanOut([], max_concurrency=bound)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bound", [0, -3])
async def test_a_config_that_allows_nothing_is_taken_for_one_at_a_time(way, bound):
    crowd = Crowd(1)
    await answers(ToolFanOut([MeetingTool(crowd)]), way, *calls(*["meeting"] * 3), config={"max_concurrency": bound})
    assert crowd.most_at_once == 1
