"""What makes two calls the same message."""

import hashlib
from collections.abc import Mapping
from typing import Any

from salesboost_tools.core.call import Caller


def message_key(
    *, asked: str | None, call_id: str | None, config: Mapping[str, Any] | None, caller: Caller
) -> str | None:
    """Return the key under which a write is entered; None if nothing names it.

    In this order: the argument `idempotency_key`; the model's call, within its conversation (LangGraph's thread, else
    the session, else the user), so that a graph that is resumed or run again names the same message; for a program's
    call, which has no such id, `config["configurable"]["idempotency_key"]`. The tenant is a column of its own.

    Args:
        asked: The argument.
        call_id: The model's id of the call.
        config: A LangChain configuration.
        caller: Who asks.
    """
    configurable: Mapping[str, Any] = (config or {}).get("configurable") or {}
    thread_id, configured = configurable.get("thread_id"), configurable.get("idempotency_key")
    if asked is not None:
        name = ("asked", asked)
    elif call_id is not None and thread_id is not None:
        name = ("call", call_id, "thread", str(thread_id))
    elif call_id is not None and caller.session_id is not None:
        name = ("call", call_id, "session", caller.session_id)
    elif call_id is not None:
        name = ("call", call_id, "user", caller.user_id or "")
    elif configured is not None:
        name = ("asked", str(configured))
    else:
        return None
    return hashlib.sha256("\0".join(name).encode()).hexdigest()
