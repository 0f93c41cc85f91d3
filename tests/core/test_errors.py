"""One error tree; every failed call has a sentence for operators and one for the model."""

import copy
import inspect
import pickle

import pytest
from langchain_core.tools import ToolException

from salesboost_tools.core import errors

TREE = {
    "SalesToolsError": "Exception",
    "ConfigurationError": "SalesToolsError",
    "MissingExtraError": "ConfigurationError",
    "StateUnavailableError": "SalesToolsError",
    "ToolCallError": "SalesToolsError",
    "ToolPermissionError": "ToolCallError",
    "ApprovalRejectedError": "ToolCallError",
    "RateLimitError": "ToolCallError",
    "UncountedCallError": "ToolCallError",
    "CircuitOpenError": "ToolCallError",
    "ToolTimeoutError": "ToolCallError",
    "IdempotencyError": "ToolCallError",
    "ToolInputError": "ToolCallError",
    "UpstreamError": "ToolCallError",
}

MESSAGE = "account 4711 of Dana Whitfield could not be read"

CALL_ERRORS = [
    errors.ToolCallError(MESSAGE),
    errors.ToolPermissionError(MESSAGE),
    errors.ApprovalRejectedError(MESSAGE),
    errors.RateLimitError(MESSAGE, retry_after=2.5),
    errors.UncountedCallError(MESSAGE, retryable=True),
    errors.CircuitOpenError(MESSAGE, retry_after=30.0),
    errors.ToolTimeoutError(MESSAGE, timeout_s=3.0, outcome_unknown=True),
    errors.IdempotencyError(MESSAGE),
    errors.ToolInputError(MESSAGE),
    errors.UpstreamError(MESSAGE, status=503, retryable=True, retry_after=1.0),
]
ALL_ERRORS = [
    errors.SalesToolsError(MESSAGE),
    errors.ConfigurationError(MESSAGE),
    errors.MissingExtraError("Redis", "redis"),
    errors.StateUnavailableError(MESSAGE),
    *CALL_ERRORS,
]


def name_of(error):
    return type(error).__name__


def test_the_tree_is_exactly_this():
    found = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert found == TREE


def test_the_drawing_of_the_tree_names_every_error():
    assert errors.__doc__
    for name in TREE:
        if name != "SalesToolsError":
            assert f"── {name}" in errors.__doc__


def test_other_worlds_recognise_these_errors():
    assert issubclass(errors.ToolCallError, ToolException)
    assert issubclass(errors.MissingExtraError, ImportError)
    assert issubclass(errors.UncountedCallError, errors.StateUnavailableError)
    assert not issubclass(errors.ConfigurationError, ToolException)


@pytest.mark.parametrize("error", CALL_ERRORS, ids=name_of)
def test_the_operator_reads_the_message_and_the_model_a_next_step_without_it(error):
    assert str(error) == MESSAGE
    assert "Continue without it" in error.for_model
    for secret in ("4711", "Dana"):
        assert secret not in error.for_model


@pytest.mark.parametrize("error", CALL_ERRORS, ids=name_of)
def test_the_sentence_for_the_model_can_be_given(error):
    named = {
        name: getattr(error, name)
        for name in inspect.signature(type(error)).parameters
        if name not in ("message", "for_model")
    }
    assert type(error)(MESSAGE, for_model="Ask somebody else.", **named).for_model == "Ask somebody else."


@pytest.mark.parametrize("error", ALL_ERRORS, ids=name_of)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_being_copied_or_sent_to_another_process(error, again):
    other = again(error)
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)


def test_an_error_says_how_long_to_wait_where_that_is_known():
    assert errors.ToolCallError("x").retry_after is None
    assert errors.RateLimitError("x", retry_after=2.5).retry_after == 2.5
    assert errors.CircuitOpenError("x", retry_after=30.0).retry_after == 30.0
    assert errors.UpstreamError("x", retry_after=1.0).retry_after == 1.0


def test_an_error_says_whether_the_same_call_may_succeed_later():
    assert not errors.ToolCallError("x").retryable
    assert errors.ToolCallError("x", retryable=True).retryable
    assert errors.UpstreamError("x", status=503, retryable=True).retryable
    assert not errors.UpstreamError("x", status=404).retryable


def test_a_read_that_timed_out_may_be_repeated_and_a_write_may_not():
    assert errors.ToolTimeoutError("x", timeout_s=3.0, outcome_unknown=False).retryable
    unknown = errors.ToolTimeoutError("x", timeout_s=3.0, outcome_unknown=True)
    assert not unknown.retryable
    assert unknown.outcome_unknown
    assert unknown.timeout_s == 3.0


def test_a_provider_that_gave_no_status_has_none():
    assert errors.UpstreamError("connection lost").status is None
    assert errors.UpstreamError("x", status=429).status == 429


def test_a_write_that_was_not_begun_says_whether_the_first_one_may_have_happened():
    assert not errors.IdempotencyError("x").outcome_unknown
    assert errors.IdempotencyError("x", outcome_unknown=True).outcome_unknown


@pytest.mark.parametrize("unknown", [True, False, None])
def test_a_provider_may_say_whether_a_write_may_have_happened(unknown):
    assert errors.UpstreamError("x", outcome_unknown=unknown).outcome_unknown is unknown


def test_a_missing_extra_names_the_command_that_installs_it():
    error = errors.MissingExtraError("Shared state on Redis", "redis")
    assert "Shared state on Redis" in str(error)
    assert "pip install 'salesboost-tools[redis]'" in str(error)
    assert error.extra == "redis"
