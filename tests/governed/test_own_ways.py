"""A tool whose class replaces `run` or `invoke` is run its own way, inside the governed run."""

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import ToolException
from pydantic import PrivateAttr

from salesboost_tools.governed import govern
from salesboost_tools.handlers.base import ToolHandler
from tests.doubles import RunLedger
from tests.governed.side_by_side import WAYS, both, invoking, look
from tests.governed.specimens.classes import OWN_WAYS, RunsItsOwnWay
from tests.governed.test_differential import INPUTS


@pytest.mark.parametrize("specimen", OWN_WAYS.values(), ids=OWN_WAYS)
@pytest.mark.parametrize("made", INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("way", WAYS)
def test_it_comes_out_as_the_bare_tool_does_and_is_one_run(specimen, made, way):
    bare, governed = both(specimen.make, way, invoking(made(specimen)))
    assert governed.outcome == bare.outcome
    assert governed.events in (["on_tool_start", "on_tool_end"], ["on_tool_start", "on_tool_error"])


class RunsSomethingElse(RunsItsOwnWay):
    def _run(self, x: int) -> int:
        return RunnableLambda(lambda given: given + 1, name="inner").invoke(x)

    async def _arun(self, x: int) -> int:
        return await RunnableLambda(lambda given: given + 1, name="inner").ainvoke(x)


@pytest.mark.parametrize("way", WAYS)
def test_what_it_runs_in_turn_is_heard_as_its_child(way):
    bare, governed = both(RunsSomethingElse, way, invoking({"x": 1}))
    assert governed.events == bare.events == ["on_tool_start", "on_chain_start", "on_chain_end", "on_tool_end"]
    started, child = governed.heard[0][:2]
    assert child[2]["parent_run_id"] == started[2]["run_id"]


class Fails(RunsItsOwnWay):
    def _run(self, x: int) -> int:
        raise ToolException("no")


class SeesErrors(ToolHandler):
    order = 1

    def __init__(self):
        self.seen = []

    def around(self, call, proceed):
        try:
            return proceed(call)
        except ToolException as error:
            self.seen.append(str(error))
            raise

    async def aaround(self, call, proceed):
        try:
            return await proceed(call)
        except ToolException as error:
            self.seen.append(str(error))
            raise


@pytest.mark.parametrize("way", WAYS)
def test_handlers_see_its_errors_before_they_are_turned_into_answers(way):
    handler = SeesErrors()
    seen = look(govern(Fails(handle_tool_error="sorry"), handler), way, invoking({"x": 1}))
    assert handler.seen == ["no"]
    assert seen.outcome == ("returned", "sorry")


async def test_arguments_that_a_handler_changed_reach_it():
    class Adds(ToolHandler):
        order = 1

        def around(self, call, proceed):
            return proceed(call.with_args({"x": call.args["x"] + 1}))

        async def aaround(self, call, proceed):
            return await proceed(call.with_args({"x": call.args["x"] + 1}))

    tool = govern(RunsItsOwnWay(), Adds())
    assert tool.invoke({"x": 1}) == "run 4"
    assert await tool.ainvoke({"x": 1}) == "arun 4"


def test_its_own_listeners_hear_one_run():
    ledger = RunLedger()
    govern(RunsItsOwnWay(callbacks=[ledger], verbose=True)).invoke({"x": 1})
    assert ledger.every_run_closed_once()
    assert len(ledger.started) == 1


class Remembers(RunsItsOwnWay):
    _calls: int = PrivateAttr(default=0)

    def run(self, *args, **kwargs):
        self._calls += 1
        return self._calls


def test_what_it_remembers_the_bare_tool_remembers_too():
    bare = Remembers()
    assert [govern(bare).invoke({"x": 1}), bare.invoke({"x": 1})] == [1, 2]


class AnswersWithoutMessage(RunsItsOwnWay):
    args_schema: type | None = None

    def run(self, tool_input, *args, **kwargs):
        return [tool_input]


def test_run_directly_it_is_given_the_very_input():
    assert govern(AnswersWithoutMessage()).run("a") == ["a"]


def test_what_is_no_message_is_made_one_for_a_model():
    message = govern(AnswersWithoutMessage()).run("a", tool_call_id="call-1")
    assert (message.content, message.tool_call_id, message.name) == (["a"], "call-1", "only_sync")
