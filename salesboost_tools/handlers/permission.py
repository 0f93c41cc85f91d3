"""Let a call through only for callers who may make it."""

from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ToolPermissionError
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler


class PermissionHandler(ToolHandler):
    """Refuses callers whose role the tool does not list. Fails closed."""

    order = 20

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Refuse or go on."""
        refuse_unless_allowed(call)
        return proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Refuse or go on."""
        refuse_unless_allowed(call)
        return await proceed(call)


def refuse_unless_allowed(call: ToolCall) -> None:
    """Raise ToolPermissionError unless the caller's role is one of the tool's."""
    roles = call.spec.allowed_roles
    if roles is None or call.caller.role in roles:  # None is EVERYONE
        return
    who = (
        f"the caller is {call.caller.role!r}" if call.caller.role else "the caller has none (configurable.caller_role)"
    )
    needs = f"needs one of the roles {sorted(roles)}" if roles else "is open to no role at all"
    raise ToolPermissionError(
        f"`{call.name}` {needs}; {who}",
        for_model=f"You may not use `{call.name}` here. Answer without it.",
    )
