"""`govern` puts handlers around any tool, once, and says what is wrong with what it is given."""

import copy
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, StdOutCallbackHandler
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException, tool
from pydantic import PrivateAttr, ValidationError

from salesboost_tools.core.call import Caller, CallRecord
from salesboost_tools.core.errors import ConfigurationError, ToolPermissionError, UpstreamError
from salesboost_tools.core.spec import UNSPECIFIED, Effect, ToolSpec
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.request import Request
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.permission import PermissionHandler
from tests.doubles import RunLedger, ScriptedTool
from tests.governed.side_by_side import as_tool_call

READ = ToolSpec(effect=Effect.READ)
NOBODY = ToolSpec(effect=Effect.READ, allowed_roles=())


class Notes(ToolHandler):
    """Writes down that it was passed."""

    order = 50

    def __init__(self, name="notes", book=None):
        self.name = name
        self.book = [] if book is None else book
        self.callers = []

    def around(self, call, proceed):
        self._note(call)
        return proceed(call)

    async def aaround(self, call, proceed):
        self._note(call)
        return await proceed(call)

    def _note(self, call):
        self.book.append(self.name)
        self.callers.append(call.caller)


@tool
def doubles(x: int) -> int:
    """Double."""
    return 2 * x


# ---------------------------------------------------------------- governing what is governed


def test_a_governed_tool_is_not_governed_twice():
    first, second = Notes("first"), Notes("second")
    once = govern(doubles, first, spec=READ)
    twice = govern(once, second)
    assert twice.inner is doubles
    assert twice.handlers == (first, second)
    assert twice.spec is READ
    assert once.handlers == (first,)
    assert twice.invoke({"x": 1}) == 2
    assert (first.book, second.book) == (["first"], ["second"])


def test_what_was_changed_on_a_governed_tool_stays_when_it_is_governed_again():
    once = govern(doubles)
    once.answers_model = True
    once.name = "renamed"
    twice = govern(once)
    assert twice.answers_model
    assert twice.name == "renamed"


def test_a_simple_tool_stays_a_simple_tool():
    simple = govern(govern(Tool(name="t", func=str.upper, description="Shout.")))
    assert isinstance(simple, Tool)
    assert simple.invoke("a") == "A"


def test_the_tool_inside_is_not_changed():
    before = doubles.model_dump()
    govern(doubles, Notes(), spec=READ).name = "other"
    assert doubles.model_dump() == before


def test_the_spec_comes_from_govern_then_from_the_tool_and_else_it_counts_as_a_write():
    own = ToolSpec(effect=Effect.READ, timeout_s=1)
    assert govern(ScriptedTool(spec=own)).spec is own
    assert govern(ScriptedTool(spec=own), spec=READ).spec is READ
    assert govern(doubles).spec is UNSPECIFIED
    assert govern(doubles).spec.effect is Effect.WRITE

    class HasAnotherKindOfSpec(ScriptedTool):
        spec: str = "of something else"

    assert govern(HasAnotherKindOfSpec()).spec is UNSPECIFIED


# ---------------------------------------------------------------- what it refuses


class HasNoOrder(ToolHandler):
    pass


class HasAnOrderInWords(ToolHandler):
    order = "first"


@dataclass
class CannotBeHashed(ToolHandler):
    order = 1
    limit: int = 1


REFUSED = {
    "no tool": (lambda: govern(len), "takes a LangChain BaseTool.*@tool"),
    "a list of tools": (lambda: govern([doubles]), "takes a LangChain BaseTool"),
    "a foreign handler": (
        lambda: govern(doubles, StdOutCallbackHandler()),
        "StdOutCallbackHandler is not a ToolHandler",
    ),
    "a class": (lambda: govern(doubles, Notes), r"pass an instance: Notes\(\)"),
    "a list of handlers": (lambda: govern(doubles, [Notes()]), "list is not a ToolHandler"),
    "no order": (lambda: govern(doubles, HasNoOrder()), "HasNoOrder has no `order`"),
    "an order in words": (lambda: govern(doubles, HasAnOrderInWords()), "has no `order`.*whole number"),
    "a handler that cannot be hashed": (lambda: govern(doubles, CannotBeHashed()), r"cannot be hashed.*eq=False"),
    "a spec in words": (lambda: govern(doubles, spec="read"), r"ToolSpec\(effect=Effect.READ\).*'read'"),
    "a spec as a dict": (lambda: govern(doubles, spec={"effect": "read"}), "spec is a ToolSpec"),
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_set_up_is_refused_with_a_way_out(make, text):
    with pytest.raises(ConfigurationError, match=text):
        make()


def test_what_was_planned_cannot_be_changed_in_place():
    governed = govern(doubles)
    for name, value in {"inner": doubles, "spec": READ, "handlers": (Notes(),)}.items():
        with pytest.raises(ValidationError, match="frozen"):
            setattr(governed, name, value)


# ---------------------------------------------------------------- copies and dumps


def test_a_copy_goes_by_its_own_spec_and_handlers():
    governed = govern(doubles, PermissionHandler(), spec=READ)
    closed = governed.model_copy(update={"spec": NOBODY})
    with pytest.raises(ToolPermissionError):
        closed.invoke({"x": 1})
    assert governed.invoke({"x": 1}) == 2
    assert closed.model_copy(update={"handlers": ()}).invoke({"x": 1}) == 2


def test_a_renamed_copy_goes_by_its_name():
    renamed = govern(doubles).model_copy(update={"name": "twice"})
    assert renamed.invoke(as_tool_call("twice", {"x": 1})).name == "twice"


class Counts(BaseTool):
    name: str = "counts"
    description: str = "Counts."
    _calls: int = PrivateAttr(default=0)

    def _run(self) -> int:
        self._calls += 1
        return self._calls


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda tool: tool.model_copy(deep=True), lambda tool: pickle.loads(pickle.dumps(tool))],
    ids=["deepcopy", "model_copy", "pickle"],
)
def test_a_deep_copy_has_a_tool_of_its_own_as_that_of_a_bare_tool_has(copied):
    for wrap in (lambda tool: tool, govern):
        original = wrap(Counts())
        twin = copied(original)
        assert [original.invoke({}), original.invoke({}), twin.invoke({})] == [1, 2, 1]


def test_a_deep_copy_shares_its_handlers_for_two_caches_would_be_two_truths():
    cache = CacheHandler()
    governed = govern(ScriptedTool("first", "second"), cache)
    assert copy.deepcopy(governed).handlers == (cache,)
    assert copy.deepcopy(governed).invoke({}) == governed.invoke({}) == "first"


@pytest.mark.parametrize("bare", [doubles, Counts()], ids=["a function", "a class"])
def test_its_json_is_that_of_the_bare_tool_where_that_has_any(bare):
    dumped = json.loads(bare.model_dump_json())
    governed = json.loads(govern(bare, Notes()).model_dump_json(exclude={"answers_model"}))
    assert governed == {name: value for name, value in dumped.items() if name not in ("func", "coroutine")}


def test_a_json_schema_is_dumped_as_it_is():
    schema = {"type": "object", "properties": {}, "title": "j"}
    governed = govern(StructuredTool(name="j", description="J.", func=len, args_schema=schema))
    assert json.loads(governed.model_dump_json())["args_schema"] == schema


# ---------------------------------------------------------------- answers for the model

REFUSAL = UpstreamError("503 from https://crm/42", for_model="The CRM is down.")


@pytest.mark.parametrize("error", [REFUSAL, None], ids=["the tool fails", "a handler refuses"])
async def test_with_answers_model_a_model_gets_an_answer_and_a_program_an_error(error):
    answer = "The CRM is down." if error else "You may not use `scripted` here. Answer without it."
    governed = govern(ScriptedTool(error or "answer"), PermissionHandler(), spec=None if error else NOBODY)
    governed.answers_model = True
    for message in (
        governed.invoke(as_tool_call("scripted", {})),
        await governed.ainvoke(as_tool_call("scripted", {})),
    ):
        assert (message.content, message.status, message.tool_call_id) == (answer, "error", "call-1")
    with pytest.raises(type(error) if error else ToolPermissionError):
        governed.invoke({})


def test_without_answers_model_a_refusal_is_raised_for_models_too():
    with pytest.raises(ToolPermissionError):
        govern(ScriptedTool(), PermissionHandler(), spec=NOBODY).invoke(as_tool_call("scripted", {}))


def test_with_answers_model_other_errors_are_raised_as_ever():
    for error in (ValueError("a bug"), ToolException("its own")):
        governed = govern(ScriptedTool(error))
        governed.answers_model = True
        with pytest.raises(type(error)):
            governed.invoke(as_tool_call("scripted", {}))


@pytest.mark.parametrize(
    ("handling", "content"),
    [(True, "The CRM is down."), ("sorry", "sorry"), (lambda error: f"said {error.status}", "said 503")],
    ids=["True", "text", "a function"],
)
def test_a_tool_that_handles_its_errors_handles_refusals(handling, content):
    failing = ScriptedTool(
        UpstreamError("503 from https://crm/42", status=503, for_model="The CRM is down."), handle_tool_error=handling
    )
    message = govern(failing).invoke(as_tool_call("scripted", {}))
    assert (message.content, message.status) == (content, "error")
    assert govern(failing).invoke({}) == content


# ---------------------------------------------------------------- what the node asks for


async def test_a_call_under_callbacks_that_are_configured_already_is_the_same_call():
    seen, ledger = Notes(), RunLedger()
    governed = govern(ScriptedTool(lambda query: query), seen)
    caller, record, run_id = Caller(role="coach"), CallRecord(), uuid4()
    request = Request({"query": "q"}, None, "call-1", run_id, caller=caller, record=record)
    manager = CallbackManager([ledger])
    amanager = AsyncCallbackManager([ledger])
    assert governed.run_request(manager, request).content == "q"
    assert (await governed.arun_request(amanager, request)).content == "q"
    assert ledger.started == {run_id: 2}
    assert record.attempts == 2
    assert seen.callers == [caller, caller]


async def test_a_sync_tool_runs_in_the_threads_it_is_given():
    @tool
    def where(x: int) -> str:
        """Say in which thread it runs."""
        return threading.current_thread().name

    with ThreadPoolExecutor(1, thread_name_prefix="given") as threads:
        name = await govern(where).arun_request(AsyncCallbackManager([]), Request({"x": 1}, executor=threads))
    assert name.startswith("given")


def test_the_bare_run_of_the_tool_inside_can_be_asked_for():
    governed = govern(Counts(), Notes())
    assert isinstance(governed, GovernedTool)
    assert governed._run() == 1
    assert governed.handlers[0].book == []
