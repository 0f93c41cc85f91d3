"""Stop calling a tool that keeps failing, and find out with one call at a time whether it works again."""

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from salesboost_tools.core.aftermath import is_providers_failure
from salesboost_tools.core.breaker import (
    UNTROUBLED,
    Breaker,
    CircuitState,
    admit,
    after_failure,
    after_nothing,
    after_success,
    breaker_rule,
    last_change_ns,
    state_at,
)
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.clock import Clock, nanoseconds
from salesboost_tools.core.errors import CircuitOpenError
from salesboost_tools.core.rate import seconds_to_wait
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer, is_failure

DEFAULT_FAILURE_THRESHOLD = 5
DEFAULT_WINDOW_S = 30.0
DEFAULT_OPEN_S = 30.0
DEFAULT_FAILURE_SHARE = 0.5

_BREAKERS_BEFORE_FIRST_SWEEP = 1024


class CircuitBreakerHandler(ToolHandler):
    """Refuses calls of a tool whose provider is down, so that it is not hammered and nobody waits for it.

    A breaker opens when the last `failure_threshold` failures lie within `window_s` and are at least `failure_share` of
    the calls that ended since the first of them. `open_s` later exactly one call goes through as a probe: success
    closes the breaker, failure opens it again, and a probe that ends without telling anything (cancelled, interrupted,
    refused by a rate limit) leaves its place to the next call. Outcomes of calls that began before the last change do
    not count.

    It is kept in this process: every worker finds out for itself, with one probe each, and no state can be down.

    Args:
        failure_threshold: How many failures open it, at least 1.
        window_s: Seconds within which they must lie.
        open_s: Seconds it stays open before a probe.
        failure_share: In (0, 1].
        counts: Whether an error is the provider's failure. Interrupts and cancellations never are.
        key: What has a breaker of its own; by default each tool has one. A key per tenant or region starts with the
            tool's name.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: A number is out of range.
    """

    order = 60

    def __init__(
        self,
        failure_threshold: int = DEFAULT_FAILURE_THRESHOLD,
        window_s: float = DEFAULT_WINDOW_S,
        open_s: float = DEFAULT_OPEN_S,
        *,
        failure_share: float = DEFAULT_FAILURE_SHARE,
        counts: Callable[[Exception], bool] = is_providers_failure,
        key: Callable[[ToolCall], str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._rule = breaker_rule(failure_threshold, window_s, open_s, failure_share)
        self._counts = counts
        self._key = key
        self._now_ns = time.monotonic_ns if clock is None else lambda: nanoseconds(clock())
        self._breakers: dict[str, Breaker] = {}  # only of what has failed; a breaker that is not here is untroubled
        self._open_keys: dict[str, set[str]] = {}  # by tool
        self._lock = threading.Lock()
        self._sweep_at = _BREAKERS_BEFORE_FIRST_SWEEP

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Go on if the breaker lets it, and tell it how that ended."""
        key = call.name if self._key is None else self._key(call)
        epoch = self._admitted(call, key) if key in self._breakers else 0
        try:
            result = proceed(call)
        except BaseException as error:
            self._raised(call, key, epoch, error)
            raise
        if key in self._breakers:
            self._answered(call, key, epoch, result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Go on if the breaker lets it, and tell it how that ended."""
        key = call.name if self._key is None else self._key(call)
        epoch = self._admitted(call, key) if key in self._breakers else 0
        try:
            result = await proceed(call)
        except BaseException as error:
            self._raised(call, key, epoch, error)
            raise
        if key in self._breakers:
            self._answered(call, key, epoch, result)
        return result

    # ------------------------------------------------------------ for masks and operators

    def state_of(self, tool: str) -> CircuitState:
        """Return what a call of a tool (or of a `key`) meets now."""
        return state_at(self._breakers.get(tool, UNTROUBLED), self._now_ns())

    def is_open(self, tool: str) -> bool:
        """Return whether a call of a tool (or of a `key`) would be refused now. A probe that is due takes no place."""
        return admit(self._breakers.get(tool, UNTROUBLED), self._rule, self._now_ns()).wait_ns > 0

    # ------------------------------------------------------------ transitions

    def _admitted(self, call: ToolCall, key: str) -> int:
        """Return the epoch in which a call goes on, or refuse it."""
        with self._lock:
            admission = admit(self._breakers.get(key, UNTROUBLED), self._rule, self._now_ns())
            self._breakers[key] = admission.breaker
        if admission.wait_ns:
            refuse(call, key, seconds_to_wait(admission.wait_ns))
        return admission.breaker.epoch

    def _answered(self, call: ToolCall, key: str, epoch: int, result: Any) -> None:
        with self._lock:
            before = self._breakers.get(key, UNTROUBLED)
            if is_error_answer(result):  # whose fault it was is not said
                after = after_nothing(before, epoch)
            else:
                after = after_success(before, self._rule, epoch, self._now_ns())
            self._breakers[key] = after
            closed = before.open_until_ns is not None and after.open_until_ns is None
            now_open = self._noted(call, key, is_open=False) if closed else 0
        if closed:
            call.emit("circuit_closed", key=key, now_open=now_open)

    def _raised(self, call: ToolCall, key: str, epoch: int, error: BaseException) -> None:
        failed = isinstance(error, Exception) and is_failure(error) and self._counts(error)
        if not failed and key not in self._breakers:
            return
        with self._lock:
            before = self._breakers.get(key, UNTROUBLED)
            after = after_failure(before, self._rule, epoch, self._now_ns()) if failed else after_nothing(before, epoch)
            self._breakers[key] = after
            opened = failed and after.open_until_ns is not None and after.epoch != before.epoch
            now_open = self._noted(call, key, is_open=True) if opened else 0
            if len(self._breakers) > self._sweep_at:
                self._sweep()
        if opened:
            call.emit(
                "circuit_opened",
                key=key,
                open_s=self._rule.open_ns / 1_000_000_000,
                error=type(error).__name__,
                now_open=now_open,
            )

    def _noted(self, call: ToolCall, key: str, *, is_open: bool) -> int:
        """Note that a breaker opened or closed; return how many of the tool's are open now."""
        keys = self._open_keys.setdefault(call.name, set())
        (keys.add if is_open else keys.discard)(key)
        return len(keys)

    def _sweep(self) -> None:
        """Forget breakers with which nothing has happened for a window, so that their number stays bounded."""
        since_ns = self._now_ns() - self._rule.window_ns
        self._breakers = {key: breaker for key, breaker in self._breakers.items() if last_change_ns(breaker) > since_ns}
        for keys in self._open_keys.values():
            keys.intersection_update(self._breakers)
        self._sweep_at = max(_BREAKERS_BEFORE_FIRST_SWEEP, 2 * len(self._breakers))


def refuse(call: ToolCall, key: str, retry_after: float) -> None:
    """Raise CircuitOpenError."""
    whose = f"`{call.name}`" if key == call.name else f"`{call.name}` ({key})"
    raise CircuitOpenError(
        f"{whose} failed too often of late and is not called; the next try may start in {retry_after:.1f} s",
        for_model=f"`{call.name}` does not work at the moment. Continue without it, or call it again in "
        f"{math.ceil(retry_after)} seconds.",
        retry_after=retry_after,
    )
