"""The same handlers, through every door: governed, a stock ToolNode's wrappers, an agent's middleware.

One table of scenarios is played through each door; a model must see the same, the tool be started as often, and
observers be told the same.
"""

import asyncio
import threading
import time

import pytest

from salesboost_tools import StatusHandler
from tests.doubles import RunLedger
from tests.governed.doors import DOORS, SCENARIOS, a_tool, answers, handlers
from tests.handlers.doubles import PATIENCE_S


def play(scenario, door, way):
    """Return the answers, how often the tool was started, what the status feed was told, and the runs."""
    status, ledger, gate = StatusHandler(), RunLedger(), threading.Event()
    subject, started = a_tool(scenario.script, is_async=way == "async", gate=gate)
    graph, asked = DOORS[door](subject, scenario, handlers(scenario, status))
    config = {"configurable": {"caller_role": scenario.role} if scenario.role else {}, "callbacks": [ledger]}
    seen = []
    for state in asked:
        seen += answers(graph.invoke(state, config) if way == "sync" else asyncio.run(graph.ainvoke(state, config)))
    starts = len(started)
    gate.set()  # a thread that was given up goes on, and with it the run of a tool that is not governed
    give_up_at_s = time.monotonic() + PATIENCE_S
    while ledger.ended + ledger.failed != ledger.started and time.monotonic() < give_up_at_s:
        time.sleep(0.001)
    told = [(event.kind, event.tool, event.tool_call_id, event.role, event.attempt) for event in status.feed.recent()]
    return seen, starts, told, ledger


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_door_shows_the_model_the_same(name, door, way):
    scenario = SCENARIOS[name]
    seen, starts, told, ledger = play(scenario, door, way)
    assert [message.content for message in seen] == scenario.says
    assert [message.tool_call_id for message in seen] == [one["id"] for one in scenario.calls]
    assert {message.name for message in seen} == {"look_up"}
    assert starts == scenario.starts
    assert ledger.ended + ledger.failed == ledger.started
    assert [kind for kind, *_ in told].count("started") == len(scenario.calls)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_door_tells_observers_the_same(name, way):
    told = {door: play(SCENARIOS[name], door, way)[2] for door in DOORS}
    assert all(each == told["governed in ToolNode"] for each in told.values()), told
