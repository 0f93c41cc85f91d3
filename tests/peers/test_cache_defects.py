"""What caches, their keys and their serializers get wrong, and ours do not."""

import asyncio
import pickle
import random
import sys
import threading
from datetime import date

import pytest
import tenacity
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import CachePolicy

from salesboost_tools import CacheHandler, MemoryState, RetryHandler
from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.governed import govern
from salesboost_tools.state import MISSING, MemoryCache
from salesboost_tools.state.envelope import NotStorableError, seal, unseal
from tests.doubles import ScriptedTool
from tests.handlers.doubles import GatedTool, turns
from tests.nodes.messages import asks, call
from tests.peers.conftest import ours_and


def test_threads_never_meet_an_error_or_another_keys_value():
    """An unlocked table raises KeyError when one thread expires what another one reads."""
    cache, wrong, failures = MemoryCache(max_entries=50), [], []

    def work(seed):
        draw = random.Random(seed)
        try:
            for _ in range(3000):
                key = f"k{draw.randrange(200)}"
                if draw.random() < 0.5:
                    cache.put(key, key, draw.choice([1e-6, 60]))
                elif cache.get(key) not in (MISSING, key):
                    wrong.append(key)
        except Exception as error:
            failures.append(error)

    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    sys.setswitchinterval(interval_s)
    assert (wrong, failures) == ([], [])
    assert len(cache) <= 50


@ours_and(langgraph=InMemoryCache)
def test_a_cache_in_memory_is_bounded(kind):
    """LangGraph's keeps everything that is not asked for again."""
    if kind == "ours":
        cache = MemoryState(max_cached=100).cache
        for number in range(1000):
            cache.put(f"k{number}", number, 60)
        assert len(cache) == 100
    else:
        cache = kind()
        for number in range(1000):
            cache.set({(("tool",), f"k{number}"): (number, 60)})
        assert sum(map(len, cache._cache.values())) <= 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (float("nan"), None),
        (date(2026, 1, 2), "2026-01-02"),
        ({1: "x"}, {"1": "x"}),
        ((1, 2), [1, 2]),
        (True, 1),
        (b"a", "a"),
    ],
    ids=repr,
)
def test_arguments_that_json_confuses_are_different_questions(one, other):
    """As JSON both have one key, and one caller gets the other's answer."""
    keys = {cache_key("tool", None, None, {"value": value}) for value in (one, other)}
    assert len(keys) == 2


@pytest.mark.parametrize("value", [{3, 1, 2}, b"\xff", 2**70], ids=repr)
def test_arguments_that_json_refuses_are_questions_like_any_other(value):
    """A key made with JSON raises here, and the call with it."""
    same = cache_key("tool", None, None, {"value": value})
    assert same is not None
    assert same == cache_key("tool", None, None, {"value": pickle.loads(pickle.dumps(value))})


class Trap:
    """Says at once if somebody builds it."""

    built = 0

    def __init__(self, *_):
        Trap.built += 1


def test_stored_bytes_never_name_what_is_run():
    """A serializer that imports and calls what the bytes name runs whatever was written into a shared cache."""
    with pytest.raises(NotStorableError):
        seal(Trap(), "cache")
    Trap.built = 0
    for forged in (
        pickle.dumps(Trap),
        b'{"lc": 2, "type": "constructor", "id": ["tests", "peers", "test_cache_defects", "Trap"], "args": [1]}',
        b'[1,"cache",true,[1000,0],{"$":"tests.peers.test_cache_defects.Trap","v":1}]',
        b'[2,"cache",false,[1000,0],1]',
        b"",
    ):
        assert unseal(forged, "cache") is None
    assert Trap.built == 0


async def test_twenty_equal_calls_are_one():
    """Asked side by side, the same question goes out twenty times."""
    tool = GatedTool()
    governed = govern(tool, CacheHandler())
    asked = [asyncio.create_task(governed.ainvoke({"query": "q"})) for _ in range(20)]
    await turns()
    tool.open()
    assert await asyncio.gather(*asked) == ["answer"] * 20
    assert tool.started == 1


async def test_a_call_that_nobody_follows_makes_no_task():
    """A task for every call costs more than the call."""
    governed = govern(ScriptedTool(lambda _: len(asyncio.all_tasks())), CacheHandler())
    assert await governed.ainvoke({}) == len(asyncio.all_tasks())


@ours_and(langgraph=CachePolicy)
async def test_an_equal_question_in_a_later_turn_is_answered_from_memory(kind):
    """A cache whose key holds the ids of messages and calls never answers twice."""
    tool = ScriptedTool()
    graph = StateGraph(MessagesState).add_edge(START, "tools")
    if kind == "ours":
        app = graph.add_node("tools", ToolNode([govern(tool, CacheHandler())])).compile()
    else:
        app = graph.add_node("tools", ToolNode([tool]), cache_policy=kind(ttl=60)).compile(cache=InMemoryCache())
    for turn in range(3):
        await app.ainvoke(asks(call("scripted", f"call-{turn}", query="q")))
    assert tool.started == 1


async def test_what_the_tool_says_when_all_goes_well_never_meets_the_retry_library(monkeypatch):
    """Every call through tenacity's loop costs tens of microseconds, also those that succeed."""

    def never(*_, **__):
        raise AssertionError("met")

    monkeypatch.setattr(tenacity.Retrying, "__call__", never)
    monkeypatch.setattr(tenacity.RetryCallState, "__init__", never)
    assert await govern(ScriptedTool(), RetryHandler()).ainvoke({}) == "answer"
