"""When two requests are the same: a canonical key over tool, owner and arguments.

JSON is not canonical enough: there NaN is null, a date is its own text, `{1: x}` is `{"1": x}`. Here every value
carries its type and its length, so different values never meet, and mappings are sorted,
so equal ones always do.
"""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel


class UnkeyableError(TypeError):
    """A value has no canonical form; a request that holds it is never taken for another one."""


def cache_key(tool: str, tenant_id: str | None, user_id: str | None, args: Mapping[str, Any]) -> str | None:
    """Return the key under which the answer to a request is stored.

    Args:
        tool: The tool's name; it stays readable at the front of the key, so that one tool's entries can be found.
        tenant_id: Whose data it is about.
        user_id: Who asks; None where the tool's results are shared by a tenant's users.
        args: Validated arguments without injected ones.

    Returns:
        `tool:` and 32 hexadecimal digits (BLAKE2b, 128 bits); None if some argument has no canonical form.
    """
    try:
        text = _encode(tenant_id) + _encode(user_id) + _encode(args)
    except (UnkeyableError, RecursionError):
        return None
    return f"{tool}:{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def _encode(value: Any) -> str:
    encode = _ENCODERS.get(type(value))  # pyright: ignore[reportUnknownArgumentType]
    return encode(value) if encode else _encode_kin(value)


def _encode_kin(value: Any) -> str:
    """Encode what is not of a plain type; its class is part of it, for a subclass may mean something else."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, Enum):
        return f"e{kind}.{value.name};"
    if isinstance(value, BaseModel):
        fields = {**value.__dict__, **(value.__pydantic_extra__ or {})}
        return f"m{kind}{_encode_mapping(fields)}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return f"m{kind}{_encode_mapping(fields)}"
    if isinstance(value, Mapping):
        return f"{kind}{_encode_mapping(value)}"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, PurePath):
        return f"p{kind}{_encode_text(str(value))}"
    raise UnkeyableError(f"{kind} has no canonical form")


def _encode_text(value: str) -> str:
    return f"s{len(value)}:{value}"


def _encode_float(value: float) -> str:
    if math.isnan(value):
        raise UnkeyableError("NaN is not even equal to itself")
    return f"f{value!r};"


def _encode_mapping(value: Mapping[Any, Any]) -> str:
    pairs = sorted([_encode(key) + _encode(item) for key, item in value.items()])
    return f"{{{''.join(pairs)}}}"


def _encode_datetime(value: datetime) -> str:
    return f"t{value.isoformat()}/{value.fold}/{value.tzinfo!r};"


_ENCODERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "n",
    bool: lambda value: "T" if value else "F",
    int: lambda value: f"i{value:x};",
    float: _encode_float,
    str: _encode_text,
    bytes: lambda value: f"b{len(value)}:{value.hex()}",
    dict: _encode_mapping,
    list: lambda value: f"[{''.join([_encode(item) for item in value])}]",
    tuple: lambda value: f"({''.join([_encode(item) for item in value])})",
    set: lambda value: f"<{''.join(sorted([_encode(item) for item in value]))}>",
    frozenset: lambda value: f"<{''.join(sorted([_encode(item) for item in value]))}>",
    Decimal: lambda value: f"d{value};",
    datetime: _encode_datetime,
    date: lambda value: f"D{value.isoformat()};",
    time: lambda value: f"h{value.isoformat()}/{value.tzinfo!r};",
    timedelta: lambda value: f"l{value.days},{value.seconds},{value.microseconds};",
    UUID: lambda value: f"u{value.hex};",
}
