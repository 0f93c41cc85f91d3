"""Try a read again when that may help."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.tools import ToolException
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.state import MemoryLimits

DEFAULT_RETRY_BUDGET = RateLimit(calls=60, per_s=60)

_SAME_AGAIN = (
    ToolException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    FileNotFoundError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    PermissionError,
    TypeError,
    ValueError,
)
"""Errors that the same call would meet again: bad input, a bug, or something the tool says on purpose."""


class RetryHandler(ToolHandler):
    """Tries a failed read again, later and later, while there is hope and budget. Writes are never repeated.

    The tool is called first; tenacity's policy objects come into play only when it failed. A wait that a provider asks
    for (`retry_after`) is honoured; one that is longer than `max_delay_s` ends the attempts at once.

    Args:
        max_attempts: How often the tool is started at most, at least 1.
        base_delay_s: Seconds before the second attempt; doubled for each further one.
        max_delay_s: Seconds no wait exceeds.
        jitter_s: Up to this many random seconds are added, so that many callers do not come back at once.
        budget: Retries per tool over all callers in this process, as a token bucket: a provider that is down must not
            get a multiple of the traffic that brought it down. None for no bound.
        stop: A tenacity stop object instead of `max_attempts`.
        wait: A tenacity wait object instead of the delays.
        retry: A tenacity retry object instead of `may_help`. Writes are not repeated whatever it says.
        sleep: Waits in sync calls; seconds.
        asleep: Waits in async calls; seconds.
    """

    order = 50

    def __init__(
        self,
        max_attempts: int = 3,
        base_delay_s: float = 1.0,
        max_delay_s: float = 30.0,
        *,
        jitter_s: float = 1.0,
        budget: RateLimit | None = DEFAULT_RETRY_BUDGET,
        stop: stop_base | None = None,
        wait: wait_base | None = None,
        retry: retry_base | None = None,
        sleep: Callable[[float], None] = time.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if max_attempts < 1:
            raise ConfigurationError(f"max_attempts is 1 or more; got {max_attempts}")
        if not 0 <= base_delay_s <= max_delay_s:
            raise ConfigurationError(
                f"delays are seconds, 0 <= base_delay_s <= max_delay_s; got {base_delay_s} and {max_delay_s}"
            )
        self._policy = Retrying(
            stop=stop or stop_after_attempt(max_attempts),
            wait=wait or wait_exponential_jitter(initial=base_delay_s, max=max_delay_s, jitter=jitter_s),
            retry=retry or retry_if_exception(may_help),
        )
        self._max_delay_s = max_delay_s
        self._budget = budget
        self._spent = MemoryLimits()
        self._sleep = sleep
        self._asleep = asleep

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Go on; on failure wait and go on again, or give up."""
        attempts: RetryCallState | None = None
        while True:
            try:
                return proceed(call)
            except Exception as error:
                attempts = attempts or RetryCallState(self._policy, None, (), {})
                wait_s = self._wait_s(call, attempts, error)
                if wait_s is None:
                    raise
            self._sleep(wait_s)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Go on; on failure wait and go on again, or give up."""
        attempts: RetryCallState | None = None
        while True:
            try:
                return await proceed(call)
            except Exception as error:
                attempts = attempts or RetryCallState(self._policy, None, (), {})
                wait_s = self._wait_s(call, attempts, error)
                if wait_s is None:
                    raise
            await self._asleep(wait_s)

    def _wait_s(self, call: ToolCall, attempts: RetryCallState, error: Exception) -> float | None:
        """Return the seconds to wait before the next attempt; None to give up."""
        if not is_failure(error) or not call.changes_nothing:
            return None
        attempts.set_exception((type(error), error, error.__traceback__))
        policy = self._policy
        if not policy.retry(attempts) or policy.stop(attempts):
            return None
        asked_s = getattr(error, "retry_after", None) or 0.0
        if asked_s > self._max_delay_s:
            return None
        if self._budget and self._spent.take(f"retry:{call.name}", self._budget.bucket):
            call.emit("retry_budget_spent")
            return None
        wait_s = max(asked_s, float(policy.wait(attempts)))
        call.emit("retrying", attempt=attempts.attempt_number + 1, wait_s=wait_s, error=type(error).__name__)
        call.record.waited_s += wait_s
        attempts.prepare_for_next_attempt()
        return wait_s


def may_help(error: BaseException) -> bool:
    """True if the same read may succeed a little later.

    Our own errors say so themselves. Of others, those that are an answer or a bug (`ToolException`, `ValueError` and
    the like) would only come back; anything else, a lost connection above all, is worth another attempt.
    """
    if isinstance(error, ToolCallError):
        return error.retryable
    return not isinstance(error, _SAME_AGAIN)
