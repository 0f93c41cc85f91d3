"""What an error tells about the world: may a write have happened, and is its provider to blame?"""

from pydantic import ValidationError

from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    ConfigurationError,
    IdempotencyError,
    RateLimitError,
    StateUnavailableError,
    ToolCallError,
    ToolException,
    ToolInputError,
    ToolPermissionError,
    ToolTimeoutError,
    UpstreamError,
)

_BEFORE_ANYTHING = (
    ApprovalRejectedError,
    CircuitOpenError,
    ConfigurationError,
    RateLimitError,
    ToolInputError,
    ToolPermissionError,
    ValidationError,
)
"""Raised instead of doing something."""

_ANSWERS_AND_BUGS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ConfigurationError,
    FileNotFoundError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    PermissionError,
    ToolException,
    TypeError,
    ValueError,
)
"""What a request met because of what it asked for, or because the tool itself is wrong."""

_REFUSED_YET_UNCERTAIN = frozenset({408, 409, 425})
"""HTTP statuses below 500 after which a write may have happened: a request cut short, a conflict with an equal request
that is under way, a replay that was noticed. 429 is not among them: it says that the request was not taken."""

_SERVER_ERRORS_FROM = 500
_CLIENT_ERRORS_FROM = 400
_REQUEST_TIMEOUT = 408


def may_have_happened(error: BaseException) -> bool:
    """Return whether a write that ended with this error may have taken effect.

    True unless the opposite is known: the error says so itself (`outcome_unknown` is True or False), is one of those
    that are raised instead of doing something, or carries a status with which a provider refuses. What is not known is
    taken for possible: cancellation, a lost connection, any exception of somebody else's.
    """
    says = getattr(error, "outcome_unknown", None)
    if isinstance(says, bool):
        return says
    if isinstance(error, _BEFORE_ANYTHING):
        return False
    if isinstance(error, UpstreamError) and error.status is not None:
        refused = _CLIENT_ERRORS_FROM <= error.status < _SERVER_ERRORS_FROM
        return not refused or error.status in _REFUSED_YET_UNCERTAIN
    return True


def is_providers_failure(error: BaseException) -> bool:
    """Return whether an error tells that what stands behind a tool does not work.

    Time-outs do, lost connections, a provider's own errors (no status, 408, 500 and above), and errors of this package
    that say that the same call may succeed later. Refusals, limits, bad input, state of our own that is down, and what
    is the request's or the tool's own fault do not: a provider is not ill because it was asked something wrong.
    """
    if isinstance(error, ToolTimeoutError):
        return True
    if isinstance(error, UpstreamError):
        return error.status is None or error.status == _REQUEST_TIMEOUT or error.status >= _SERVER_ERRORS_FROM
    if isinstance(error, (*_BEFORE_ANYTHING, IdempotencyError, StateUnavailableError)):
        return False
    if isinstance(error, ToolCallError):
        return error.retryable
    return isinstance(error, Exception) and not isinstance(error, _ANSWERS_AND_BUGS)
