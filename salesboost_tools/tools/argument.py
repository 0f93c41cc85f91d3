"""Words the arguments and answers of several tools share: the moment, the caller, the nearest name."""

import difflib
import heapq
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.core.write_key import WRITE_KEY

Now = Callable[[], datetime]
"""Returns the present moment, aware, in UTC; `utc_now` in production, a fixed one in tests."""

DEFAULT_TENANT = "default"
"""The tenant of a caller whose configuration names none."""

_ALIKE_AT_LEAST = 0.6
_COMPARED_AT_MOST = 20
_RUNTIME = "__pregel_runtime"  # where LangGraph keeps its Runtime, and with it the runtime context


def utc_now() -> datetime:
    """Return the wall clock's moment, aware, in UTC."""
    return datetime.now(UTC)


def iso_utc(moment: datetime) -> str:
    """Return an aware moment as ISO 8601 with a Z, whole seconds unless it has a fraction."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def caller_of(config: Mapping[str, Any] | None) -> Caller:
    """Return who asks; the tenant is always filled in.

    Args:
        config: A LangChain configuration: fields of its "configurable", else of LangGraph's runtime context.

    Raises:
        ConfigurationError: A field is neither text nor a whole number, a UUID or an enum member of these.
    """
    configurable: Mapping[str, Any] = (config or {}).get("configurable") or {}
    return Caller(
        role=_field(configurable, "caller_role"),
        user_id=_field(configurable, "user_id"),
        tenant_id=_field(configurable, "tenant_id") or DEFAULT_TENANT,
        session_id=_field(configurable, "session_id"),
    )


def write_key_of(tool: str, config: Mapping[str, Any] | None) -> str | None:
    """Return what names the write that a tool is about to do: `tool:` and 32 hexadecimal digits; None if nothing does.

    Under `IdempotencyHandler` that is the handler's key. A bare tool goes by the `idempotency_key` of
    `config["configurable"]` alone, and comes to the same key for it.

    Raises:
        ConfigurationError: The key in the configuration is no text.
    """
    held = WRITE_KEY.get()
    if held is not None and held[0] == tool:
        return held[1]
    configurable: Mapping[str, Any] = (config or {}).get("configurable") or {}
    asked = _field(configurable, "idempotency_key")
    return cache_key(tool, _field(configurable, "tenant_id"), None, {"asked": asked}) if asked else None


def _field(configurable: Mapping[str, Any], name: str) -> str | None:
    value: Any = configurable.get(name)
    context: Any = getattr(configurable.get(_RUNTIME), "context", None)
    if value is None and context is not None:
        value = (
            cast("Mapping[str, Any]", context).get(name)
            if isinstance(context, Mapping)
            else getattr(context, name, None)
        )
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | UUID) and not isinstance(value, bool):
        return str(value)
    raise ConfigurationError(
        f"configurable[{name!r}] must be text, a whole number or an enum member; got {type(value)}"
    )


def wrong_input(message: str) -> ToolInputError:
    """Return the error for arguments that can be mended; the model reads the same words as the operator."""
    return ToolInputError(message, for_model=message)


def nearest(wanted: str, names: Mapping[str, Iterable[str]]) -> str | None:
    """Return the key whose names resemble `wanted` most; None if nothing does.

    Args:
        wanted: What was asked for.
        names: Key -> everything it is known by (code, title, domain). Case does not matter.

    Ratio of matching characters (Ratcliff and Obershelp 1988, as in difflib), at least 0.6, among the twenty names that
    share most pairs of letters: comparing all of them would take 30 ms for 300 accounts. Linear in the names.
    """
    known = {name.casefold(): key for key, all_names in names.items() for name in all_names if name}
    sought = wanted.casefold()
    pairs = _letter_pairs(sought)

    def shared(name: str) -> float:
        other = _letter_pairs(name)
        return len(pairs & other) / (len(pairs) + len(other))

    candidates = heapq.nlargest(_COMPARED_AT_MOST, known, key=shared)
    found = difflib.get_close_matches(sought, candidates, n=1, cutoff=_ALIKE_AT_LEAST)
    return known[found[0]] if found else None


def _letter_pairs(text: str) -> set[str]:
    """Return the neighbouring pairs of letters, the edges included: 'ab' -> {' a', 'ab', 'b '}."""
    framed = f" {text} "
    return {framed[at : at + 2] for at in range(len(framed) - 1)}
