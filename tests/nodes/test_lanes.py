"""Laws of lanes: who runs beside whom, and that everything runs once."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.spec import UNSPECIFIED, Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.nodes.lanes import arun_lanes, is_declared_write, lanes_of, run_lanes
from tests.doubles import ScriptedTool
from tests.nodes.tools import READ, WRITE

writes = st.lists(st.booleans(), max_size=40)


@given(writes, st.booleans())
def test_every_call_is_in_exactly_one_lane(written, parallel):
    positions = [position for lane in lanes_of(written, parallel=parallel) for position in lane]
    assert sorted(positions) == list(range(len(written)))


@given(writes)
def test_writes_share_one_lane_in_order_and_every_read_has_its_own(written):
    lanes = [list(lane) for lane in lanes_of(written)]
    changing = [position for position, write in enumerate(written) if write]
    assert [lane for lane in lanes if lane and written[lane[0]]] == ([changing] if changing else [])
    assert all(len(lane) == 1 for lane in lanes if not written[lane[0]])


@given(writes)
def test_lanes_begin_in_the_order_of_the_calls(written):
    firsts = [lane[0] for lane in lanes_of(written)]
    assert firsts == sorted(firsts)


@given(writes)
def test_without_parallel_there_is_one_lane(written):
    assert [list(lane) for lane in lanes_of(written, parallel=False)] == (
        [list(range(len(written)))] if written else []
    )


@settings(max_examples=50)
@given(written=writes, width=st.integers(1, 8), turns=st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_everything_is_answered_once_within_the_bound_and_writes_never_overlap(written, width, turns):
    under_way: list[int] = []
    order: list[int] = []

    async def answer(position: int) -> int:
        assert not (written[position] and any(written[other] for other in under_way))
        under_way.append(position)
        order.append(position)
        assert len(under_way) <= width
        for _ in range(turns[position]):
            await asyncio.sleep(0)
        under_way.remove(position)
        return position

    answers = asyncio.run(arun_lanes(lanes_of(written), answer, width, None))
    assert answers == {position: position for position in range(len(written))}
    assert sorted(order) == list(range(len(written)))
    assert [p for p in order if written[p]] == sorted(p for p in order if written[p])


@settings(max_examples=25)
@given(written=writes, width=st.integers(1, 8))
def test_in_threads_too(written, width):
    order: list[int] = []

    def answer(position: int) -> int:
        order.append(position)
        return position

    assert run_lanes(lanes_of(written), answer, width, None) == {p: p for p in range(len(written))}
    assert sorted(order) == list(range(len(written)))
    assert [p for p in order if written[p]] == sorted(p for p in order if written[p])


def test_what_a_thread_raises_beside_errors_ends_all():
    def answer(position: int) -> int:
        raise SystemExit(position)

    with pytest.raises(SystemExit):
        run_lanes([[0], [1]], answer, 2, None)


@pytest.mark.parametrize(
    ("spec", "args", "writes"),
    [
        (READ, {}, False),
        (WRITE, {}, True),
        (UNSPECIFIED, {}, False),
        (ToolSpec(effect=lambda args: Effect(args["effect"])), {"effect": "read"}, False),
        (ToolSpec(effect=lambda args: Effect(args["effect"])), {"effect": "write"}, True),
        (ToolSpec(effect=lambda args: Effect(args["effect"])), {"effect": "?"}, True),
        (ToolSpec(effect=lambda args: Effect(args["effect"])), {}, True),
    ],
)
def test_a_write_is_what_somebody_said_is_one_or_cannot_be_told(spec, args, writes):
    assert is_declared_write(govern(ScriptedTool(), spec=spec), args) is writes


def test_a_tool_that_does_not_exist_writes_nothing():
    assert is_declared_write(None, {}) is False
