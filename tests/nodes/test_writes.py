"""Reads run side by side; what is declared to change something runs one after another, in the order asked."""

import pytest

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.nodes.messages import Crowd, answers, both_ways, call, calls
from tests.nodes.tools import READ, WRITE, MeetingTool, diary_tool

BY_ARGUMENT = ToolSpec(effect=lambda args: Effect.READ if args["what"].startswith("read") else Effect.WRITE)


def one_after_another(*what: str) -> list[str]:
    return [f"{each} {when}" for each in what for when in ("begins", "ends")]


@both_ways
async def test_writes_follow_one_another_in_the_order_asked(way):
    diary: list[str] = []
    node = ToolFanOut([diary_tool(diary, "write", WRITE), diary_tool(diary, "other", WRITE)])
    asked = [call(name, f"c{n}", what=f"w{n}") for n, name in enumerate(["write", "other", "write", "other"])]
    messages = await answers(node, way, *asked)
    assert diary == one_after_another("w0", "w1", "w2", "w3")
    assert [message.content for message in messages] == ["w0", "w1", "w2", "w3"]


async def test_reads_run_beside_the_writes():
    crowd, diary = Crowd(4), []
    read = MeetingTool(crowd, name="read", spec=READ)
    meeting_write = MeetingTool(crowd, name="write", spec=WRITE)
    node = ToolFanOut([read, meeting_write, diary_tool(diary, "later_write", WRITE)])
    asked = [*calls("read", "write", "read", "read"), call("later_write", "c4", what="w")]
    messages = await answers(node, "async", *asked)
    assert [message.content for message in messages] == ["met"] * 4 + ["w"]  # those that do not meet fail
    assert diary == one_after_another("w")


@both_ways
async def test_two_writes_never_meet_however_many_reads_do(way):
    writers = Crowd(1)
    node = ToolFanOut(
        [MeetingTool(writers, name="write", spec=WRITE), MeetingTool(Crowd(1), name="read", spec=READ)],
        max_concurrency=8,
    )
    await answers(node, way, *calls(*["write", "read"] * 8))
    assert writers.most_at_once == 1


@both_ways
async def test_a_tool_nobody_described_runs_in_parallel_as_in_tool_node(way):
    crowd = Crowd(3)
    await answers(ToolFanOut([MeetingTool(crowd)]), way, *calls(*["meeting"] * 3))
    assert crowd.most_at_once == 3


async def test_the_effect_may_depend_on_the_arguments():
    diary: list[str] = []
    node = ToolFanOut([diary_tool(diary, "both", BY_ARGUMENT)])
    asked = [call("both", f"c{n}", what=what) for n, what in enumerate(["write 0", "read 1", "write 2", "read 3"])]
    await answers(node, "async", *asked)
    assert [line for line in diary if "write" in line] == one_after_another("write 0", "write 2")
    assert diary.index("read 3 begins") < diary.index("write 0 ends")


async def test_a_call_whose_effect_cannot_be_told_for_its_bad_arguments_is_taken_for_a_write():
    node = ToolFanOut([diary_tool([], "both", BY_ARGUMENT)])
    messages = await answers(node, "async", call("both", "c0", wat=1), call("both", "c1", what="read"))
    assert [message.status for message in messages] == ["error", "success"]
    assert "what" in messages[0].content


@both_ways
async def test_a_failed_write_does_not_hold_up_the_next(way):
    diary: list[str] = []
    node = ToolFanOut([ScriptedTool(OSError("down"), name="fails", spec=WRITE), diary_tool(diary, "write", WRITE)])
    messages = await answers(node, way, *calls("fails"), call("write", "c1", what="w"))
    assert [message.status for message in messages] == ["error", "success"]


@pytest.mark.parametrize("width", [1, 2, 3])
async def test_writes_keep_their_order_under_any_bound(width):
    diary: list[str] = []
    node = ToolFanOut([diary_tool(diary, "write", WRITE), diary_tool([], "read", READ)], max_concurrency=width)
    asked = [call("read" if n % 2 else "write", f"c{n}", what=str(n)) for n in range(8)]
    await answers(node, "async", *asked)
    assert diary == one_after_another("0", "2", "4", "6")


# ---------------------------------------------------------------- writes that are independent


def changing(name_of) -> ToolSpec:
    return ToolSpec(effect=Effect.WRITE, conflicts_with=name_of)


@both_ways
async def test_writes_that_change_different_things_run_side_by_side(way):
    crowd = Crowd(2)
    node = ToolFanOut([MeetingTool(crowd, name=name, spec=changing(name)) for name in ("outbox", "crm")])
    messages = await answers(node, way, *calls("outbox", "crm"))
    assert [message.content for message in messages] == ["met", "met"]


@both_ways
async def test_what_a_write_changes_may_depend_on_its_arguments(way):
    diary: list[str] = []
    node = ToolFanOut([diary_tool(diary, "write", changing(lambda args: args["what"][0]))])
    asked = [call("write", f"c{n}", what=what) for n, what in enumerate(["a1", "b1", "a2", "b2", "a3"])]
    await answers(node, way, *asked)
    for account in "ab":
        mine = [line for line in diary if line.startswith(account)]
        assert mine == one_after_another(*[what for what in ("a1", "a2", "a3", "b1", "b2") if what.startswith(account)])


@both_ways
async def test_a_tool_that_does_not_exist_holds_no_write_up(way):
    crowd = Crowd(2)
    node = ToolFanOut([MeetingTool(crowd, name=name, spec=changing(name)) for name in ("outbox", "crm")])
    messages = await answers(node, way, *calls("outbox", "unheard_of", "crm"))
    assert [message.status for message in messages] == ["success", "error", "success"]


@both_ways
async def test_one_write_of_which_nobody_knows_what_it_changes_makes_all_wait(way):
    writers = Crowd(1)
    named = [MeetingTool(writers, name=name, spec=changing(name)) for name in ("outbox", "crm")]
    await answers(
        ToolFanOut([*named, MeetingTool(writers, name="other", spec=WRITE)]), way, *calls("outbox", "crm", "other")
    )
    assert writers.most_at_once == 1


async def test_a_rule_that_stumbles_over_bad_arguments_counts_as_not_knowing():
    writers = Crowd(1)
    node = ToolFanOut([MeetingTool(writers, name="write", spec=changing(lambda args: args["account"]))])
    await answers(
        node, "async", call("write", "c0", account="a"), call("write", "c1"), call("write", "c2", account="b")
    )
    assert writers.most_at_once == 1


async def test_a_read_that_names_something_waits_for_nobody():
    crowd = Crowd(3)
    spec = ToolSpec(effect=Effect.READ, conflicts_with="outbox")
    await answers(ToolFanOut([MeetingTool(crowd, name="read", spec=spec)]), "async", *calls(*["read"] * 3))
    assert crowd.most_at_once == 3
