"""Give every attempt a time limit."""

from typing import Any, NoReturn

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, ToolTimeoutError
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.daemon_threads import THREADS
from salesboost_tools.handlers.deadlines import Deadlines
from salesboost_tools.handlers.outcome import is_failure

DEFAULT_TIMEOUT_S = 30.0


class TimeoutHandler(ToolHandler):
    """Ends an attempt that takes too long. A write that ran out of time is unknown, not failed, and the error says so.

    An async tool is cancelled. A sync tool runs in a thread that cannot be stopped: it goes on unheeded.

    Args:
        default_timeout_s: Seconds for tools whose spec states none; None leaves those without a limit.
    """

    order = 80

    def __init__(self, default_timeout_s: float | None = DEFAULT_TIMEOUT_S) -> None:
        if default_timeout_s is not None and not default_timeout_s > 0:
            raise ConfigurationError(f"default_timeout_s is seconds, above 0, or None; got {default_timeout_s!r}")
        self._default_timeout_s = default_timeout_s
        self._deadlines = Deadlines()

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Run the attempt in a thread and wait for it."""
        timeout_s = call.spec.timeout_s or self._default_timeout_s
        if timeout_s is None:
            return proceed(call)
        outcome = THREADS.start(proceed, call)
        if not outcome.wait(timeout_s):
            give_up(call, timeout_s)
        return outcome.get()

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Run the attempt and cancel it when its time is up."""
        timeout_s = call.spec.timeout_s or self._default_timeout_s
        if timeout_s is None:
            return await proceed(call)
        deadline = self._deadlines.begin(timeout_s)
        try:
            result = await proceed(call)
        except BaseException as error:
            if not deadline.ended(error) and not (deadline.has_passed and is_failure(error)):
                raise  # the tool's own, perhaps a time-out of its own too
        else:
            deadline.end()
            return result
        return give_up(call, timeout_s)


def give_up(call: ToolCall, timeout_s: float) -> NoReturn:
    """Raise ToolTimeoutError; for a write, say that its outcome is unknown."""
    unknown = not call.changes_nothing
    aftermath = "; it may have happened all the same: check before doing it again" if unknown else ""
    advice = (
        "It is not known whether it took effect. Do not repeat it; check first."
        if unknown
        else "Continue without it, or ask for less."
    )
    raise ToolTimeoutError(
        f"`{call.name}` did not answer within {timeout_s:g} s (setting TOOL_TIMEOUT){aftermath}",
        for_model=f"`{call.name}` took too long. {advice}",
        timeout_s=timeout_s,
        outcome_unknown=unknown,
    )
