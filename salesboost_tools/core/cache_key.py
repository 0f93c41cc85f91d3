"""When two requests are the same: a canonical key over tool, owner and arguments.

JSON is not canonical enough: there NaN is null, a date is its own text, `{1: x}` is `{"1": x}`. Here every value
carries its type and its length, so different values never meet, and mappings are sorted, so equal ones always do.
"""

import dataclasses
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import AnyUrl, BaseModel


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
    return _encoder(type(value), _encode_kin)(value)


def _encode_kin(value: Any) -> str:
    """Encode what is not of a plain type; its class is part of it, for a subclass may mean something else."""
    kind = _encode_text(type(value).__module__) + _encode_text(type(value).__qualname__)
    if isinstance(value, Flag):
        return f"g{kind}{_encode(value.value)}"  # a combination of bits need not have a name
    if isinstance(value, Enum):
        return f"e{kind}{_encode_text(value.name)}"
    if isinstance(value, BaseModel):
        return f"m{kind}{_encode_model(value)}"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        unset = object()  # which has no canonical form
        fields = {field.name: getattr(value, field.name, unset) for field in dataclasses.fields(value)}
        return f"c{kind}{_encode_mapping(fields)}"
    if isinstance(value, Mapping):
        return f"M{kind}{_encode_mapping(value)}"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, PurePath | AnyUrl):
        return f"p{kind}{_encode_text(str(value))}"
    raise UnkeyableError(f"{type(value).__qualname__} has no canonical form")


def _encode_model(model: BaseModel) -> str:
    """Encode what makes two models equal: fields, extra fields, private attributes; not what they have cached."""
    names = type(model).model_fields
    fields = {name: item for name, item in model.__dict__.items() if name in names}
    return _encode_mapping(fields) + _encode(model.__pydantic_extra__) + _encode(model.__pydantic_private__)


def _encode_text(value: str) -> str:
    return f"s{len(value)}:{value}"


def _encode_float(value: float) -> str:
    if math.isnan(value):
        raise UnkeyableError("NaN is not even equal to itself")
    return f"f{value!r};"


def _encode_list(value: list[Any]) -> str:
    return f"[{''.join([_encoder(type(item), _encode_kin)(item) for item in value])}]"


def _encode_mapping(value: Mapping[Any, Any]) -> str:
    pairs = [
        _encoder(type(key), _encode_kin)(key) + _encoder(type(item), _encode_kin)(item) for key, item in value.items()
    ]
    pairs.sort()
    return f"{{{''.join(pairs)}}}"


def _encode_datetime(value: datetime | time) -> str:
    zone = value.tzinfo
    if zone is not None and type(zone).__repr__ is object.__repr__:
        raise UnkeyableError("a time zone that shows nothing but its address")
    return f"{value.isoformat()}/{value.fold}{_encode_text(repr(zone))}"


def _encode_decimal(value: Decimal) -> str:
    if value.is_nan():
        raise UnkeyableError("NaN is not even equal to itself")
    return f"d{value};"


_ENCODERS: dict[Any, Callable[[Any], str]] = {
    type(None): lambda _: "n",
    bool: lambda value: "T" if value else "F",
    int: lambda value: f"i{value:x};",
    float: _encode_float,
    str: _encode_text,
    bytes: lambda value: f"b{len(value)}:{value.hex()}",
    dict: _encode_mapping,
    list: _encode_list,
    tuple: lambda value: f"({''.join([_encode(item) for item in value])})",
    set: lambda value: f"<{''.join(sorted([_encode(item) for item in value]))}>",
    frozenset: lambda value: f"z<{''.join(sorted([_encode(item) for item in value]))}>",
    OrderedDict: lambda value: f"O{_encode_list(list(value.items()))}",
    Decimal: _encode_decimal,
    datetime: lambda value: f"t{_encode_datetime(value)}",
    date: lambda value: f"D{value.isoformat()};",
    time: lambda value: f"h{_encode_datetime(value)}",
    timedelta: lambda value: f"l{value.days},{value.seconds},{value.microseconds};",
    UUID: lambda value: f"u{value.hex};",
}
_encoder = _ENCODERS.get  # the long way round by a function of its own would cost a third of the key
