"""A call is what handlers see of it: who, what, with which arguments, and what has happened so far."""

import dataclasses

import pytest

from salesboost_tools.core.call import ANONYMOUS, Caller, CallRecord, ToolCall, new_call
from salesboost_tools.core.spec import Effect, ToolSpec

READ = ToolSpec(effect=Effect.READ)


def test_a_call_knows_what_it_would_do_with_its_very_arguments():
    spec = ToolSpec(effect=lambda args: Effect.WRITE if args["op"] == "create" else Effect.READ)
    read = ToolCall(name="crm", args={"op": "list"}, spec=spec)
    assert read.effect is Effect.READ
    assert read.changes_nothing
    write = read.with_args({"op": "create"})
    assert write.effect is Effect.WRITE
    assert not write.changes_nothing


def test_a_call_with_other_arguments_is_the_same_call_in_all_else():
    call = ToolCall(
        name="crm", args={"id": 1}, spec=READ, caller=Caller(role="coach"), tool_call_id="c1", thread_id="t"
    )
    other = call.with_args({"id": 2})
    assert other.args == {"id": 2}
    assert call.args == {"id": 1}
    assert other.record is call.record
    assert dataclasses.replace(other, args=call.args) == call


def test_a_call_under_a_key_is_the_same_call_in_all_else():
    call = ToolCall(name="crm", args={"id": 1}, spec=READ, asked_key="mine")
    held = call.under_key("tool/acme/mine")
    assert held.idempotency_key == "tool/acme/mine"
    assert call.idempotency_key is None
    assert held.record is call.record
    assert dataclasses.replace(held, idempotency_key=None) == call


def test_a_call_cannot_be_changed_but_its_record_tells_what_happens():
    call = ToolCall(name="crm", args={}, spec=READ)
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.name = "other"
    call.record.attempts += 1
    assert call.record == CallRecord(attempts=1, cached=False, waited_s=0.0)


def test_a_call_made_the_quick_way_is_like_any_other():
    record, sink = CallRecord(), print
    call = new_call(
        "crm", {"id": 1}, READ, Caller("coach"), "c1", None, "t", "mine", record=record, body=str, sink=sink
    )
    assert call == ToolCall(
        name="crm",
        args={"id": 1},
        spec=READ,
        caller=Caller("coach"),
        tool_call_id="c1",
        thread_id="t",
        asked_key="mine",
        record=record,
        body=str,
        sink=sink,
    )
    assert new_call("crm", {}, READ, record=record, body=str) == ToolCall("crm", {}, READ, record=record, body=str)
    assert type(call) is ToolCall
    assert call.with_args({"id": 2}).args == {"id": 2}
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.name = "other"


def test_two_calls_do_not_share_a_record():
    assert ToolCall(name="a", args={}, spec=READ).record is not ToolCall(name="a", args={}, spec=READ).record


def test_an_event_reaches_the_sink_with_the_call_it_happened_to():
    heard = []
    call = ToolCall(name="crm", args={}, spec=READ, sink=lambda *heard_now: heard.append(heard_now))
    call.emit("retrying", attempt=2, wait_s=1.5)
    assert heard == [(call, "retrying", {"attempt": 2, "wait_s": 1.5})]


def test_an_event_that_nobody_observes_goes_nowhere():
    ToolCall(name="crm", args={}, spec=READ).emit("cached", how="hits")


def test_a_call_that_stands_for_no_tool_says_so_when_it_is_run():
    call = ToolCall(name="crm", args={}, spec=READ)
    with pytest.raises(RuntimeError, match="`crm` stands for no tool"):
        call.body(call)


def test_arguments_do_not_show_in_logs():
    assert "Dana" not in repr(ToolCall(name="crm", args={"name": "Dana"}, spec=READ))


def test_a_caller_of_whom_nothing_is_known_is_anonymous():
    assert ToolCall(name="crm", args={}, spec=READ).caller is ANONYMOUS
    assert Caller() == ANONYMOUS
