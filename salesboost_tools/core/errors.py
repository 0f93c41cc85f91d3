"""The error tree.

`str(error)` speaks to operators: what happened, how much, which setting. `error.for_model` speaks to the model: it
holds no arguments, no stack and no personal data, and always says what to do next.

```
SalesToolsError
├── ConfigurationError          a person must fix the set-up; raised at start-up, names the setting
│   └── MissingExtraError       (also ImportError) names the pip command
├── StateUnavailableError       a state backend did not answer
└── ToolCallError               (also LangChain's ToolException)
    ├── ToolPermissionError
    ├── ApprovalRejectedError
    ├── RateLimitError          .retry_after
    ├── UncountedCallError      (also StateUnavailableError) .outcome_unknown, always False
    ├── CircuitOpenError        .retry_after
    ├── ToolTimeoutError        .timeout_s  .outcome_unknown
    ├── IdempotencyError        .outcome_unknown
    ├── ToolInputError
    └── UpstreamError           .status  .outcome_unknown
```
"""

from typing import Any

from langchain_core.tools import ToolException


class SalesToolsError(Exception):
    """Everything this package raises on purpose. It can be copied and pickled, so that it crosses processes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SalesToolsError], args: tuple[Any, ...], attributes: dict[str, Any]) -> SalesToolsError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class ConfigurationError(SalesToolsError):
    """The set-up is wrong and a person must mend it; the message names the setting."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional part is not installed; the message holds the pip command.

    Args:
        feature: What was asked for, as the user knows it.
        extra: The extra of this package that brings it.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra {extra!r}; run: pip install 'salesboost-tools[{extra}]'")
        self.extra = extra


class StateUnavailableError(SalesToolsError):
    """A state backend did not answer in time."""


class ToolCallError(SalesToolsError, ToolException):
    """One tool call failed or was refused.

    Args:
        message: For operators.
        for_model: For the model; without one, a neutral sentence is used.
        retryable: Whether the same call may succeed a little later.
        retry_after: Seconds until it may, where that is known; None otherwise.
    """

    def __init__(
        self,
        message: str,
        *,
        for_model: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.for_model = for_model or "This tool did not succeed. Continue without it, or try another way."
        self.retryable = retryable
        self.retry_after = retry_after


class ToolPermissionError(ToolCallError):
    """The caller may not use the tool."""


class ApprovalRejectedError(ToolCallError):
    """A person, or the absence of one, said no."""


class RateLimitError(ToolCallError):
    """The tool's bucket is empty.

    Attributes:
        retry_after: Seconds (float) until the same call would pass; waiting exactly that long is enough.
    """

    retry_after: float

    def __init__(self, message: str, *, retry_after: float, for_model: str | None = None) -> None:
        super().__init__(message, for_model=for_model, retry_after=retry_after)


class UncountedCallError(ToolCallError, StateUnavailableError):
    """A call was not made, because it could not be counted where it should be.

    Attributes:
        outcome_unknown: False: nothing happened.
    """

    outcome_unknown = False


class CircuitOpenError(ToolCallError):
    """The tool failed too often of late; it is not called until `retry_after` seconds have passed."""

    retry_after: float

    def __init__(self, message: str, *, retry_after: float, for_model: str | None = None) -> None:
        super().__init__(message, for_model=for_model, retry_after=retry_after)


class ToolTimeoutError(ToolCallError):
    """The tool did not answer within its time.

    Attributes:
        timeout_s: How long it was given, in seconds.
        outcome_unknown: True for a write: it may have happened, and must not be repeated blindly.
    """

    def __init__(self, message: str, *, timeout_s: float, outcome_unknown: bool, for_model: str | None = None) -> None:
        super().__init__(message, for_model=for_model, retryable=not outcome_unknown)
        self.timeout_s = timeout_s
        self.outcome_unknown = outcome_unknown


class IdempotencyError(ToolCallError):
    """A write was not begun, because of what became of an equal one, or because that could not be found out.

    Attributes:
        outcome_unknown: True if the first one may have happened; the second did nothing in any case.
    """

    def __init__(
        self,
        message: str,
        *,
        for_model: str | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, for_model=for_model, retryable=retryable, retry_after=retry_after)
        self.outcome_unknown = outcome_unknown


class ToolInputError(ToolCallError):
    """The arguments are well-formed but wrong; the message says what is allowed."""


class UpstreamError(ToolCallError):
    """A provider behind a tool failed.

    Attributes:
        status: The provider's HTTP status, None when it gave none (connection lost, broken answer).
        outcome_unknown: For a write: True if it may have happened, False if it certainly did not; None leaves that to
            the status.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        for_model: str | None = None,
        outcome_unknown: bool | None = None,
    ) -> None:
        super().__init__(message, for_model=for_model, retryable=retryable, retry_after=retry_after)
        self.status = status
        self.outcome_unknown = outcome_unknown
