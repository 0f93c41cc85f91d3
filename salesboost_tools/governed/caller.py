"""Who calls: read from trusted configuration, never from a tool's arguments."""

from collections.abc import Mapping
from enum import Enum
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig

from salesboost_tools.core.call import ANONYMOUS, Caller
from salesboost_tools.core.errors import ConfigurationError

_RUNTIME = "__pregel_runtime"  # where LangGraph keeps its Runtime, and with it the runtime context
_FIELDS = {"role": "caller_role", "user_id": "user_id", "tenant_id": "tenant_id", "session_id": "session_id"}


def caller_of(config: RunnableConfig | None) -> Caller:
    """Return the caller named in `config["configurable"]`, else in LangGraph's runtime context.

    Raises:
        ConfigurationError: A field is neither text nor a whole number, a UUID or an enum member of these.
    """
    configurable: Mapping[str, Any] = (config or {}).get("configurable") or {}
    if not configurable:
        return ANONYMOUS
    context = getattr(configurable.get(_RUNTIME), "context", None)
    values = {field: _text(key, _find(key, configurable, context)) for field, key in _FIELDS.items()}
    return Caller(**values) if any(values.values()) else ANONYMOUS


def config_of(caller: Caller, idempotency_key: str | None = None) -> RunnableConfig:
    """Return the trusted configuration that names a caller, and a key for its write if there is one."""
    values = {key: getattr(caller, field) for field, key in _FIELDS.items()} | {"idempotency_key": idempotency_key}
    return {"configurable": {key: value for key, value in values.items() if value is not None}}


def thread_of(config: RunnableConfig | None) -> str | None:
    """Return the id of LangGraph's conversation thread, if there is one."""
    return _text("thread_id", ((config or {}).get("configurable") or {}).get("thread_id"))


def asked_key_of(config: RunnableConfig | None) -> str | None:
    """Return the idempotency key that a program gave for its call, if it gave one."""
    return _text("idempotency_key", ((config or {}).get("configurable") or {}).get("idempotency_key"))


def _find(key: str, configurable: Mapping[str, Any], context: Any) -> Any:
    value = configurable.get(key)
    if value is None and context is not None:
        value = context.get(key) if isinstance(context, Mapping) else getattr(context, key, None)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _text(key: str, value: Any) -> str | None:
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise ConfigurationError(f"configurable[{key!r}] must be text, a whole number or an enum member; got {type(value)}")
