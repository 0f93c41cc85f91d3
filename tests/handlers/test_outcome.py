"""What counts as a failure: errors do; interrupts, parent commands and cancellations do not."""

import asyncio

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Command

from salesboost_tools.core.errors import RateLimitError
from salesboost_tools.handlers.outcome import is_error_answer, is_failure


@pytest.mark.parametrize(
    "error", [ValueError("x"), RateLimitError("x", retry_after=1.0), TimeoutError(), StopIteration()], ids=repr
)
def test_an_error_is_a_failure(error):
    assert is_failure(error)


@pytest.mark.parametrize(
    "passing",
    [GraphInterrupt(()), ParentCommand(Command()), asyncio.CancelledError(), KeyboardInterrupt(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
def test_what_only_passes_through_is_no_failure(passing):
    assert not is_failure(passing)


def test_a_message_may_be_an_answer_that_says_it_failed():
    assert is_error_answer(ToolMessage("no", tool_call_id="1", status="error"))
    for fine in (ToolMessage("yes", tool_call_id="1"), AIMessage("no"), "error", None):
        assert not is_error_answer(fine)
