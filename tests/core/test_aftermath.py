"""What is not known to have failed before it began may have happened; only a provider's failures are the provider's."""

import asyncio

import pytest
from langchain_core.tools import ToolException
from pydantic import BaseModel, ValidationError

from salesboost_tools.core import errors
from salesboost_tools.core.aftermath import is_providers_failure, may_have_happened


def invalid() -> ValidationError:
    class Model(BaseModel):
        number: int

    try:
        Model(number="none")
    except ValidationError as error:
        return error
    raise AssertionError


def upstream(status=None, **more):
    return errors.UpstreamError("x", status=status, **more)


CERTAINLY_NOTHING = [
    errors.ToolInputError("x"),
    errors.ToolPermissionError("x"),
    errors.ApprovalRejectedError("x"),
    errors.ConfigurationError("x"),
    errors.RateLimitError("x", retry_after=1.0),
    errors.CircuitOpenError("x", retry_after=1.0),
    errors.IdempotencyError("x"),
    errors.ToolTimeoutError("x", timeout_s=1.0, outcome_unknown=False),
    invalid(),
    *(upstream(status) for status in (400, 401, 403, 404, 422, 429)),
    upstream(503, outcome_unknown=False),
    upstream(outcome_unknown=False),
]
PERHAPS = [
    errors.ToolTimeoutError("x", timeout_s=1.0, outcome_unknown=True),
    errors.IdempotencyError("x", outcome_unknown=True),
    errors.ToolCallError("x", retryable=True),
    errors.StateUnavailableError("x"),
    *(upstream(status, retryable=True) for status in (None, 302, 408, 409, 425, 500, 502, 503, 504)),
    upstream(404, outcome_unknown=True),
    ToolException("x"),
    ConnectionResetError("x"),
    TimeoutError(),
    ValueError("x"),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", CERTAINLY_NOTHING, ids=repr)
def test_a_refusal_says_that_nothing_happened(error):
    assert not may_have_happened(error)


@pytest.mark.parametrize("error", PERHAPS, ids=repr)
def test_everything_else_may_have_happened(error):
    assert may_have_happened(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.ToolTimeoutError("x", timeout_s=1.0, outcome_unknown=True),
        errors.ToolCallError("x", retryable=True),
        *(upstream(status) for status in (None, 408, 500, 502, 503)),
        ConnectionResetError("x"),
        TimeoutError(),
        OSError("no route to host"),
    ],
    ids=repr,
)
def test_a_provider_that_does_not_answer_or_says_that_it_cannot_has_failed(error):
    assert is_providers_failure(error)


@pytest.mark.parametrize(
    "error",
    [
        *CERTAINLY_NOTHING[:7],
        errors.ToolCallError("x"),
        errors.StateUnavailableError("x"),
        *(upstream(status) for status in (400, 401, 404, 409, 429)),
        invalid(),
        ToolException("no such account"),
        ValueError("x"),
        KeyError("x"),
        PermissionError("x"),
        asyncio.CancelledError(),
        KeyboardInterrupt(),
    ],
    ids=repr,
)
def test_who_was_asked_something_wrong_or_was_not_asked_has_not(error):
    assert not is_providers_failure(error)
