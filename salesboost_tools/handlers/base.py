"""What a handler is: an ordinary LangChain callback handler that may also stand around a tool call.

Write one like this:

```python
class QuietHours(ToolHandler):
    order = 25

    def around(self, call, proceed):
        refuse_at_night(call)
        return proceed(call)

    async def aaround(self, call, proceed):
        refuse_at_night(call)
        return await proceed(call)
```
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from langchain_core.callbacks import BaseCallbackHandler

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError

Proceed = Callable[[ToolCall], Any]
AsyncProceed = Callable[[ToolCall], Awaitable[Any]]

_logger = logging.getLogger(__name__)


class ToolHandler(BaseCallbackHandler):
    """A callback handler that may also stand around a tool call.

    It calls `proceed(call)` once to go on, not at all to answer or refuse by itself, more than once only if it
    retries. Whoever stands around calls both ways writes both methods; the rule behind them is one function.

    Attributes:
        order: Smaller is outer. LangChain merges callbacks through a set, so the place in a list means nothing.
        observer_failures: How often `observe` raised; such failures are logged and swallowed.
    """

    order: ClassVar[int]
    run_inline = True  # otherwise LangChain gives every event of an async run to a thread
    observer_failures: int = 0

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Stand around a sync call."""
        self._refuse_half_a_handler("around", "aaround")
        return proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Stand around an async call."""
        self._refuse_half_a_handler("aaround", "around")
        return await proceed(call)

    def companions(self) -> tuple["ToolHandler", ...]:
        """Return handlers that stand elsewhere in the chain on this one's behalf."""
        return ()

    def observe(self, call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
        """Hear what another handler did: `cached`, `retrying`, `rate_limited` and so on.

        Args:
            call: The call it happened to.
            event: What happened.
            details: Numbers and names that belong to it; never arguments or results.
        """

    def _refuse_half_a_handler(self, here: str, twin: str) -> None:
        kind = type(self)
        inherits = getattr(kind, here) is getattr(ToolHandler, here)  # else it came here through super()
        if inherits and getattr(kind, twin) is not getattr(ToolHandler, twin):
            raise ConfigurationError(
                f"{kind.__name__} overrides `{twin}` alone and would be passed by in the other kind of run; write both"
            )


def notify(observers: tuple[ToolHandler, ...], call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
    """Tell every observer; one that fails is counted and never harms the call."""
    for observer in observers:
        try:
            observer.observe(call, event, details)
        except Exception:
            observer.observer_failures += 1
            _logger.warning("%s.observe failed on %r", type(observer).__name__, event, exc_info=True)
