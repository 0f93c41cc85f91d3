"""Try again when that may help and cannot hurt."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.tools import ToolException
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.state import MemoryLimits

DEFAULT_RETRY_BUDGET = RateLimit(calls=60, per_s=60)

_SAME_AGAIN = (
    ConfigurationError,
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
    """Tries a failed call again, later and later, while there is hope and budget.

    A write is repeated only under an idempotency key, and only if it certainly did not happen; see `may_be_repeated`.

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
        retry: A tenacity retry object instead of `may_help`; `may_be_repeated` has to agree.
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
        if not (0 <= base_delay_s <= max_delay_s and jitter_s >= 0):
            raise ConfigurationError(
                "delays are seconds, 0 <= base_delay_s <= max_delay_s and 0 <= jitter_s; "
                f"got {base_delay_s}, {max_delay_s} and {jitter_s}"
            )
        self._policy = Retrying(
            stop=stop or stop_after_attempt(max_attempts),
            wait=wait or Backoff(base_delay_s, max_delay_s, jitter_s),
            retry=retry or retry_if_exception(may_help),
        )
        self._max_delay_s = max_delay_s
        self._budget = budget
        self._spent = MemoryLimits()
        self._sleep = sleep
        self._asleep = asleep

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Go on; on failure wait and go on again, or give up."""
        started_s = time.monotonic()
        attempts: RetryCallState | None = None
        while True:
            try:
                return proceed(call)
            except Exception as error:
                attempts = attempts or self._first_attempt(started_s)
                wait_s = self._wait_s(call, attempts, error)
                if wait_s is None:
                    raise
            self._sleep(wait_s)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Go on; on failure wait and go on again, or give up."""
        started_s = time.monotonic()
        attempts: RetryCallState | None = None
        while True:
            try:
                return await proceed(call)
            except Exception as error:
                attempts = attempts or self._first_attempt(started_s)
                wait_s = self._wait_s(call, attempts, error)
                if wait_s is None:
                    raise
            await self._asleep(wait_s)

    def _first_attempt(self, started_s: float) -> RetryCallState:
        attempts = RetryCallState(self._policy, None, (), {})
        attempts.start_time = started_s  # tenacity counts from before the first attempt; this object comes after it
        return attempts

    def _wait_s(self, call: ToolCall, attempts: RetryCallState, error: Exception) -> float | None:
        """Return the seconds to wait before the next attempt; None to give up."""
        if not is_failure(error) or not may_be_repeated(call, error):
            return None
        attempts.set_exception((type(error), error, error.__traceback__))
        policy = self._policy
        if not policy.retry(attempts):
            return None
        asked_s = seconds_asked_for(error)
        wait_s = max(asked_s, float(policy.wait(attempts)))
        attempts.upcoming_sleep = wait_s
        if asked_s > self._max_delay_s or policy.stop(attempts):
            return None
        if self._budget and self._spent.take(call.name, self._budget.bucket):
            call.emit("retry_budget_spent")
            return None
        call.emit("retrying", attempt=attempts.attempt_number + 1, wait_s=wait_s, error=type(error).__name__)
        call.record.waited_s += wait_s
        attempts.idle_for += wait_s
        attempts.prepare_for_next_attempt()
        return wait_s


class Backoff(wait_base):
    """A tenacity wait object: doubles the wait from attempt to attempt and adds a little chance.

    Args:
        base_s: Seconds before the second attempt.
        max_s: Seconds no wait exceeds.
        jitter_s: Up to this many random seconds are added.
        chance: Returns a random number in [0, 1).
    """

    def __init__(
        self, base_s: float, max_s: float, jitter_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._base_s = base_s
        self._max_s = max_s
        self._jitter_s = jitter_s
        self._chance = chance

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait after the attempt that has just failed."""
        doublings = min(retry_state.attempt_number - 1, 64)  # far beyond any bound, and still a float
        return min(self._max_s, self._base_s * 2.0**doublings + self._jitter_s * self._chance())


def seconds_asked_for(error: Exception) -> float:
    """Return how many seconds a provider asks to wait (`error.retry_after`); 0 if it does not say so in a number."""
    asked_s = getattr(error, "retry_after", None)
    if isinstance(asked_s, int | float) and not math.isnan(asked_s):
        return max(0.0, float(asked_s))
    return 0.0


def may_be_repeated(call: ToolCall, error: Exception) -> bool:
    """Return whether a call may be made again at all; whether that helps is another question.

    A read may. A write may only under an idempotency key, and only after an error that its tool calls retryable and of
    which it is certain that nothing happened: the key keeps others out, it does not undo a first attempt.
    """
    if call.changes_nothing:
        return True
    held = call.idempotency_key is not None
    return held and isinstance(error, ToolCallError) and error.retryable and not may_have_happened(error)


def may_help(error: BaseException) -> bool:
    """True if the same read may succeed a little later.

    Our own errors say so themselves. Of others, those that are an answer or a bug (`ToolException`, `ValueError` and
    the like) would only come back; anything else, a lost connection above all, is worth another attempt.
    """
    if isinstance(error, ToolCallError):
        return error.retryable
    return not isinstance(error, _SAME_AGAIN)
