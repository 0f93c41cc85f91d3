"""What an outcome says about a tool."""

import asyncio

import pytest
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    RateLimitError,
    ToolInputError,
    ToolPermissionError,
    ToolTimeoutError,
    UpstreamError,
)
from salesboost_tools.selection.feedback import name_of, says_something


@pytest.mark.parametrize(
    "error",
    [
        None,
        "HTTP 500",
        ValueError("broken answer"),
        TimeoutError(),
        ToolTimeoutError("late", timeout_s=5, outcome_unknown=False),
        UpstreamError("too many requests", status=429),
    ],
    ids=repr,
)
def test_a_failure_of_the_tool_says_something(error):
    assert says_something(error)


@pytest.mark.parametrize(
    "error",
    [
        RateLimitError("our bucket is empty", retry_after=1),
        CircuitOpenError("not called", retry_after=1),
        ToolPermissionError("not you"),
        ApprovalRejectedError("no"),
        ToolInputError("a mistake of the caller"),
        asyncio.CancelledError(),
        GraphInterrupt(),
    ],
    ids=repr,
)
def test_refusals_mistakes_interrupts_and_cancellations_say_nothing(error):
    assert not says_something(error)


def test_only_the_kind_of_an_exception_is_kept():
    assert name_of(ValueError("Jane Doe, +1 555 0100")) == "ValueError"
    assert name_of("no hits") == "no hits"
    assert name_of(None) is None
