"""Wherever ToolNode is right, this node does and is heard to do the same."""

import warnings
from collections import Counter
from functools import cache
from inspect import signature
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.prebuilt import ToolNode, ToolRuntime
from langgraph.prebuilt.tool_node import _default_handle_tool_errors as stock_default
from langgraph.runtime import Runtime
from langgraph.types import Command, Interrupt

from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.governed.side_by_side import WAYS, look
from tests.governed.specimens import classes, errors, functions, schemas
from tests.nodes.compared import athrough, nodes, running, several, surroundings, through
from tests.nodes.messages import asks, call, calls, run

SPECIMENS = {**functions.SPECIMENS, **classes.SPECIMENS, **schemas.SPECIMENS}

WRAPPERS = {"bare": {}, "wrapped": {"wrap_tool_call": through, "awrap_tool_call": athrough}}

HANDLES = {"raised": False, "by ToolNode's own rule": stock_default}

FORMS = {
    "state": lambda asked: asks(*asked),
    "messages": lambda asked: [HumanMessage("hi"), AIMessage("", tool_calls=asked)],
    "tool calls": lambda asked: asked,
}


def seen_alike(make, way, called, **options):
    stock, ours = (look(node, way, called) for node in nodes(make, **options))
    assert ours == stock
    return ours


def taken_by_tool_node(specimen):
    try:
        ToolNode([specimen.make()])
    except TypeError:  # it cannot read the signature of partials and of callable objects
        return False
    return True


TAKEN = {name: specimen for name, specimen in SPECIMENS.items() if taken_by_tool_node(specimen)}
SAID_OTHERWISE = [name for name in errors.SPECIMENS if "validation" in name]
"""Bad arguments read differently if `handle_tool_errors` is True: an intended difference."""


@pytest.mark.parametrize("specimen", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("arguments", ["args", "bad"])
@pytest.mark.parametrize("handle", HANDLES.values(), ids=HANDLES)
@pytest.mark.parametrize("way", WAYS)
def test_a_tool_of_any_kind_answers_and_is_heard_alike(specimen, arguments, handle, way):
    asked = [call(specimen.make().name, **getattr(specimen, arguments))]
    seen_alike(lambda: [specimen.make()], way, running(asks(*asked)), handle_tool_errors=handle)


def test_what_tool_node_does_not_take_is_not_taken_here():
    assert 0 < len(SPECIMENS) - len(TAKEN) < 8
    for name in SPECIMENS.keys() - TAKEN.keys():
        with pytest.raises(TypeError):
            ToolFanOut([SPECIMENS[name].make()])


@pytest.mark.parametrize("name", errors.SPECIMENS)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_of_any_kind_is_treated_and_heard_alike(name, way):
    specimen = errors.SPECIMENS[name]
    asked = [call(specimen.make().name, **specimen.args)]
    for handle in (False, stock_default, (ValueError, KeyError), *([] if name in SAID_OTHERWISE else [True])):
        seen_alike(lambda: [specimen.make()], way, running(asks(*asked)), handle_tool_errors=handle)


# ---------------------------------------------------------------- what comes with a call


@pytest.mark.parametrize(
    "config",
    [
        {"tags": ["of the call"], "metadata": {"of": "the call"}},
        {"run_name": "named"},
        {"run_id": UUID(int=7)},
        {"recursion_limit": 3, "max_concurrency": 1},
        {"configurable": {"caller_role": "coach", "thread_id": "t", "__pregel_runtime": Runtime()}},
    ],
    ids=lambda config: next(iter(config)),
)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrappers", WRAPPERS.values(), ids=WRAPPERS)
def test_a_config_of_any_kind_is_heard_of_alike(config, way, wrappers):
    @tool
    def looks(x: int, config: RunnableConfig) -> str:
        """Look at the config."""
        return told(config)

    @tool
    def looks_at_runtime(runtime: ToolRuntime) -> str:
        """Look at the runtime's config."""
        return told(runtime.config)

    def told(seen):
        plain = {name: seen[name] for name in sorted(seen) if name not in {"callbacks", "configurable"}}
        return f"{plain} {sorted(seen['configurable'])}"

    def make():
        return [looks, looks_at_runtime, ScriptedTool(tags=["of the tool"], metadata={"of": "the tool"}, callbacks=[])]

    for asked in (call("looks", x=1), call("looks_at_runtime"), call("scripted")):
        seen_alike(make, way, running(asks(asked), **config), **wrappers)


class RunIds(BaseCallbackHandler):
    """Remembers the ids of runs, which `look` numbers in their order."""

    run_inline = True

    def __init__(self):
        self.seen = []

    def on_tool_start(self, *_, run_id, **__):
        self.seen.append(run_id)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wrappers", WRAPPERS.values(), ids=WRAPPERS)
async def test_the_first_call_gets_the_run_id_that_was_asked_for(way, wrappers):
    heard = []
    for node in nodes(lambda: [ScriptedTool()], **wrappers):
        ids = RunIds()
        config = {**surroundings([ids]), "run_id": UUID(int=7), "max_concurrency": 1}
        with warnings.catch_warnings(action="ignore"):  # LangChain warns that only the first one gets it
            await run(node, asks(*calls("scripted", "scripted")), way, config)
        heard.append([run_id == UUID(int=7) for run_id in ids.seen])
    assert heard[0].count(True) == 1
    assert sorted(heard[1]) == sorted(heard[0])
    assert heard[1][0]


# ---------------------------------------------------------------- messages of several calls


NAMES = [each.name for each in several()]
asked_calls = st.lists(st.tuples(st.sampled_from([*NAMES, "unheard_of"]), st.sampled_from([1, 2, 3, "x"])), max_size=6)


@cache
def made_once(handle, parallel, wrapped):
    """Return both nodes; their tools remember nothing, so examples may share them."""
    options = WRAPPERS["wrapped" if wrapped else "bare"]
    stock = ToolNode(several(), handle_tool_errors=handle, **options)
    return stock, ToolFanOut(several(), handle_tool_errors=handle, parallel=parallel, **options)


def heard_of(seen):
    """Return how often each call was heard of and how, whatever ran beside it."""
    return Counter((event, named.get("name"), named.get("tool_call_id")) for event, _, named in seen.heard[0])


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # ToolNode's way serialises what it injects
@settings(max_examples=80, deadline=None)
@given(
    asked=asked_calls,
    form=st.sampled_from(list(FORMS)),
    made=st.tuples(st.sampled_from([stock_default, "sorry", repr]), st.booleans(), st.booleans()),
)
@pytest.mark.parametrize("way", WAYS)
def test_messages_of_any_calls_in_any_form_are_answered_alike(way, asked, form, made):
    given_calls = [call(name, f"c{number}", x=x) for number, (name, x) in enumerate(asked)] or calls("doubles", x=1)
    stock, ours = (look(node, way, running(FORMS[form](given_calls))) for node in made_once(*made))
    if stock.outcome[0] == "raised" and len(given_calls) > 1:  # ToolNode raises what failed first in time
        assert ours.outcome[0] == "raised"
    else:
        assert ours.outcome == stock.outcome
        assert heard_of(ours) == heard_of(stock)


BAD_INPUTS = {
    "nothing": {},
    "no messages": {"messages": []},
    "no model's message": {"messages": [HumanMessage("hi")]},
    "a list without a model's message": [HumanMessage("hi")],
    "another key": {"chat": [AIMessage("")]},
    "a call without an id": [{**call("doubles", x=1), "id": None}],
}


@pytest.mark.parametrize("given_", BAD_INPUTS.values(), ids=BAD_INPUTS)
@pytest.mark.parametrize("way", WAYS)
def test_bad_inputs_are_refused_alike(given_, way):
    assert seen_alike(several, way, running(given_), handle_tool_errors=False).outcome[0] == "raised"


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_and_a_parents_command_pass_alike(way):
    for error in (GraphInterrupt([Interrupt("?", id="i")]), ParentCommand(Command(goto="x"))):
        seen = seen_alike(lambda error=error: [ScriptedTool(error)], way, running(asks(*calls("scripted"))))
        assert seen.outcome[0] == "raised"


def test_it_takes_every_argument_that_tool_node_takes():
    theirs, ours = (signature(kind.__init__).parameters for kind in (ToolNode, ToolFanOut))
    assert set(theirs) <= set(ours)
    assert all(ours[name].kind is theirs[name].kind for name in theirs)
    assert {n: p.default for n, p in theirs.items() if n not in {"self", "tools", "handle_tool_errors"}}.items() <= {
        n: p.default for n, p in ours.items()
    }.items()
