"""What a tool runs in turn gets the callbacks LangChain would give it, and nothing is put together before it asks."""

import copy
from uuid import uuid4

import pytest
from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForToolRun,
    BaseCallbackHandler,
    CallbackManager,
    CallbackManagerForToolRun,
)

from salesboost_tools.governed.children import AsyncChild, SyncChild

KINDS = (
    (SyncChild, CallbackManager, CallbackManagerForToolRun),
    (AsyncChild, AsyncCallbackManager, AsyncCallbackManagerForToolRun),
)
LISTENER = BaseCallbackHandler()
RUNS = {
    "nobody listens": {},
    "somebody listens": {"handlers": [LISTENER], "inheritable_handlers": [LISTENER]},
    "somebody listens to this run alone": {"handlers": [LISTENER], "inheritable_handlers": []},
    "tags and metadata": {
        "tags": ["own", "inherited"],
        "inheritable_tags": ["inherited"],
        "metadata": {"own": 1, "thread_id": "t"},
        "inheritable_metadata": {"thread_id": "t"},
    },
    "versions, which LangChain merges": {"inheritable_metadata": {"lc_versions": {"langchain-core": "1"}, "a": 1}},
}


@pytest.fixture(params=KINDS, ids=("sync", "async"))
def kinds(request):
    return request.param


def opened_by(kinds, **details):
    return kinds[2](run_id=uuid4(), **{"handlers": [], "inheritable_handlers": [], **details})


@pytest.mark.parametrize("details", RUNS.values(), ids=RUNS)
def test_it_is_what_langchain_would_make(kinds, details):
    opened = opened_by(kinds, **details)
    ours, theirs = kinds[0].of(opened), opened.get_child()
    assert isinstance(ours, kinds[1])
    for name, value in vars(theirs).items():
        assert getattr(ours, name) == value
    assert ours.is_async == theirs.is_async
    assert vars(ours.copy()) == vars(theirs.copy())
    for manager in (ours, theirs):
        manager.add_handler(LISTENER)
        manager.add_tags(["later"])
        manager.add_metadata({"later": True})
    configured = [vars(kinds[1].configure(manager, None, False, ["more"])) for manager in (ours, theirs)]
    assert configured[0] == configured[1]


def test_nothing_is_put_together_before_somebody_asks(kinds):
    opened = opened_by(kinds)
    asked = []
    opened.get_child = lambda: asked.append("child") or type(opened).get_child(opened)
    child = kinds[0].of(opened)
    assert isinstance(child, kinds[1])
    assert asked == []
    assert child.parent_run_id == opened.run_id
    assert child.tags is child.tags
    assert asked == ["child"]


def test_children_share_nothing_that_can_be_changed(kinds):
    opened = opened_by(kinds, inheritable_tags=["a"], inheritable_metadata={"b": 1})
    one, other = kinds[0].of(opened), kinds[0].of(opened)
    one.add_tags(["more"])
    one.add_metadata({"more": 1})
    one.add_handler(LISTENER)
    assert vars(other) | {"tags": other.tags} | vars(opened.get_child()) == vars(other)
    assert (opened.inheritable_tags, opened.inheritable_metadata, opened.handlers) == (["a"], {"b": 1}, [])


def test_a_copy_made_before_anybody_asked_is_a_child_too(kinds):
    opened = opened_by(kinds, inheritable_tags=["a"])
    for made in (copy.copy, copy.deepcopy):
        assert made(kinds[0].of(opened)).inheritable_tags == ["a"]


def test_what_no_manager_has_it_does_not_have(kinds):
    child = kinds[0].of(opened_by(kinds))
    for name in ("colour", "_colour"):
        with pytest.raises(AttributeError, match=name):
            getattr(child, name)
