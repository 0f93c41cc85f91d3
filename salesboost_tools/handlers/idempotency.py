"""Let a write happen once, however often it is asked for."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.write_outcome import (
    Ending,
    answer_from,
    closed,
    ending_of,
    fingerprint_of,
    kept,
    naps_within,
    next_nap,
    protected_by,
    token_of,
    unanswered,
    unheard_of,
)
from salesboost_tools.state import MemoryState, State
from salesboost_tools.state.claim import ClaimState

DEFAULT_LEASE_S = 120.0
DEFAULT_KEEP_S = 86_400.0
DEFAULT_WAIT_S = 10.0


class IdempotencyHandler(ToolHandler):
    """Lets a write happen once per key: also when two callers race, a graph is resumed, or a process dies half-way.

    The key is the tool, the tenant, the conversation and the `tool_call_id`. A program, whose calls carry no such id,
    names the write itself in `config["configurable"]["idempotency_key"]`; if it does not, its call passes without
    protection, which is reported as `unprotected`. Reads pass.

    - Done before: the stored result is the answer, as a copy of one's own.
    - Under way elsewhere: its outcome is waited for, up to `wait_s`.
    - Begun and never heard of again, or ended by an error after which it may have happened: unknown. It is refused
      until somebody has looked; it is never repeated silently.
    - The same key with other arguments is refused.

    While the state does not answer, writes with a key are refused (closed). If it stops answering after the write has
    happened, the result is given all the same, and the record becomes unknown by itself when its lease ends.

    What stands between this handler and the tool may repeat the write only after an error that leaves no doubt
    (`core.aftermath`), for it is the last error that counts here.

    Args:
        state: Where records are kept; by default in this process, which protects from nothing that ends it.
        lease_s: Seconds a write may take, attempts and waits between them included. After that others are told that
            its outcome is unknown; its own report still counts.
        keep_s: Seconds for which outcomes are kept. A key that comes again later is a new write.
        wait_s: Seconds to wait for a write that is under way elsewhere.
        sleep: Waits in sync calls; seconds.
        asleep: Waits in async calls; seconds.

    Raises:
        ConfigurationError: A number is out of range.
    """

    order = 35

    def __init__(
        self,
        state: State | None = None,
        *,
        lease_s: float = DEFAULT_LEASE_S,
        keep_s: float = DEFAULT_KEEP_S,
        wait_s: float = DEFAULT_WAIT_S,
        sleep: Callable[[float], None] = time.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not (lease_s > 0 and keep_s > 0 and wait_s >= 0):
            raise ConfigurationError(
                "lease_s and keep_s are seconds, above 0, and wait_s seconds, 0 or more; "
                f"got {lease_s!r}, {keep_s!r} and {wait_s!r}"
            )
        self._records = (state or MemoryState()).records
        self._lease_s = lease_s
        self._keep_s = keep_s
        self._wait_s = wait_s
        self._sleep = sleep
        self._asleep = asleep

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Do it once."""
        key = protected_by(call)
        if key is None:
            return proceed(call)
        fingerprint = fingerprint_of(call)
        naps = naps_within(self._wait_s)
        try:
            while (claim := self._records.begin(key, fingerprint, self._lease_s)).state is ClaimState.RUNNING:
                self._sleep(next_nap(call, key, claim, naps))
        except StateUnavailableError as error:
            raise closed(call) from error
        token = token_of(claim)
        if token is None:
            return answer_from(call, key, claim)
        before = call.record.attempts
        try:
            result = proceed(call.under_key(key))
        except BaseException as error:
            self._report(call, key, token, ending_of(error, started=call.record.attempts > before))
            raise
        self._report(call, key, token, kept(result))
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Do it once."""
        key = protected_by(call)
        if key is None:
            return await proceed(call)
        fingerprint = fingerprint_of(call)
        naps = naps_within(self._wait_s)
        try:
            while (claim := await self._records.abegin(key, fingerprint, self._lease_s)).state is ClaimState.RUNNING:
                await self._asleep(next_nap(call, key, claim, naps))
        except StateUnavailableError as error:
            raise closed(call) from error
        token = token_of(claim)
        if token is None:
            return answer_from(call, key, claim)
        before = call.record.attempts
        try:
            result = await proceed(call.under_key(key))
        except GeneratorExit:  # thrown away: nothing can be awaited any more, and the lease makes it unknown by itself
            raise
        except BaseException as error:
            await self._areport(call, key, token, ending_of(error, started=call.record.attempts > before))
            raise
        await self._areport(call, key, token, kept(result))
        return result

    def _report(self, call: ToolCall, key: str, token: str, outcome: Any) -> None:
        """Tell the records how it ended. The call has ended so, whether or not they hear it."""
        try:
            if outcome is Ending.NOTHING_HAPPENED:
                heard = self._records.release(key, token)
            elif outcome is Ending.UNKNOWN:
                heard = self._records.leave_unknown(key, token, self._keep_s)
            else:
                heard = self._records.finish(key, token, outcome, self._keep_s)
        except StateUnavailableError:
            heard = unanswered(call)
        if not heard:
            unheard_of(call, key, outcome)

    async def _areport(self, call: ToolCall, key: str, token: str, outcome: Any) -> None:
        try:
            if outcome is Ending.NOTHING_HAPPENED:
                heard = await self._records.arelease(key, token)
            elif outcome is Ending.UNKNOWN:
                heard = await self._records.aleave_unknown(key, token, self._keep_s)
            else:
                heard = await self._records.afinish(key, token, outcome, self._keep_s)
        except StateUnavailableError:
            heard = unanswered(call)
        if not heard:
            unheard_of(call, key, outcome)
