"""Values on their way into shared storage and back: plain data under a version, nothing that is executed or imported.

JSON alone would turn a tuple into a list, a date into its text and NaN into null. Here a value either comes back equal
and of the same type, or is not stored. What comes back is built from a fixed list of types: stored bytes cannot name a
class. Bytes that are not an envelope of this version are no value at all.
"""

import base64
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from langchain_core.documents import Document

from salesboost_tools.core.errors import MissingExtraError, SalesToolsError

try:
    import orjson
except ImportError as missing:
    raise MissingExtraError("shared state on Redis", "redis") from missing

VERSION = 1
_TAG = "$"
_INT64 = range(-(2**63), 2**63)


class NotStorableError(SalesToolsError):
    """The value would not come back as it went in, so it is not shared."""


class Sealed(NamedTuple):
    """What an envelope held."""

    value: Any
    notes: list[int]
    """Whole numbers that travel with the value."""


def seal(value: Any, kind: str, notes: Sequence[int] = ()) -> bytes:
    """Return a value as bytes.

    Args:
        value: None, bool, int within 64 bits, finite float, str, bytes, Decimal, datetime, date, UUID, `Document`; or
            lists, tuples and dicts with text keys of these.
        kind: What the value is for; `unseal` asks for the same.
        notes: Whole numbers that travel with it.

    Raises:
        NotStorableError: The value, or something in it, is of another type, or has no exact form here.
    """
    packed = _Packed()
    try:
        data = packed.pack(value)
        return orjson.dumps([VERSION, kind, packed.tagged, list(notes), data])
    except (RecursionError, orjson.JSONEncodeError) as error:
        raise NotStorableError(f"cannot be shared exactly: {error}") from error


def unseal(stored: Any, kind: str) -> Sealed | None:
    """Return what `seal` put in; None for anything else, be it garbage, cut short or of another version."""
    try:
        version, stored_kind, tagged, notes, data = orjson.loads(stored)
        if version != VERSION or stored_kind != kind or not all(type(note) is int for note in notes):
            return None
        return Sealed(_unpack(data) if tagged else data, notes)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError):
        return None


class _Packed:
    """Turns a value into JSON's types, and remembers whether it needed tags: without, reading is one step."""

    tagged = False

    def pack(self, value: Any) -> Any:
        kind = cast("Any", type(value))
        if kind is str or kind is bool or value is None:
            return value
        if kind is int:
            if value not in _INT64:
                raise NotStorableError("a whole number beyond 64 bits")
            return value
        if kind is float:
            if not math.isfinite(value):
                raise NotStorableError(f"{value!r} is not a finite number")
            return value
        if kind is list:
            return [self.pack(item) for item in value]
        if kind is dict:
            return self._pack_dict(value)
        pack = _PACKERS.get(kind)
        if pack is None:
            raise NotStorableError(f"{kind.__qualname__} is not among the types that are shared")
        self.tagged = True
        name, plain = pack(value)
        return {_TAG: name, "v": self.pack(plain)}

    def _pack_dict(self, value: dict[Any, Any]) -> Any:
        if not all(type(key) is str for key in value):
            raise NotStorableError("a dict with keys that are not text")
        if _TAG in value:  # would be taken for a tag of ours
            self.tagged = True
            return {_TAG: "dict", "v": [[key, self.pack(item)] for key, item in value.items()]}
        return {key: self.pack(item) for key, item in value.items()}


def _unpack(data: Any) -> Any:
    if isinstance(data, list):
        return [_unpack(item) for item in data]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(data, dict):
        return data
    name: Any = data.get(_TAG)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if name is None:
        return {key: _unpack(item) for key, item in data.items()}  # pyright: ignore[reportUnknownVariableType]
    return _UNPACKERS[name](_unpack(data["v"]))


def _pack_decimal(value: Decimal) -> tuple[str, Any]:
    if not value.is_finite():
        raise NotStorableError(f"{value} is not a finite number")
    return "decimal", str(value)


def _pack_datetime(value: datetime) -> tuple[str, Any]:
    zone = value.tzinfo
    if zone is not None and (type(zone) is not timezone or repr(zone) != repr(_nameless(zone))):
        raise NotStorableError("a time zone that is more than an offset")
    return "datetime", [value.isoformat(), value.fold]


def _nameless(zone: timezone) -> timezone:
    return zone if zone is UTC else timezone(zone.utcoffset(None))


def _pack_document(value: Document) -> tuple[str, Any]:
    if type(value.page_content) is not str or type(value.metadata) is not dict:  # may have been assigned since
        raise NotStorableError("a document whose content is not text")
    return "document", [value.page_content, value.metadata, value.id]


def _unpack_datetime(data: Any) -> datetime:
    text, fold = data
    return datetime.fromisoformat(text).replace(fold=fold)


def _unpack_document(data: Any) -> Document:
    page_content, metadata, identity = data
    return Document(page_content=page_content, metadata=metadata, id=identity)


_PACKERS: dict[Any, Callable[[Any], tuple[str, Any]]] = {
    tuple: lambda value: ("tuple", list(value)),
    bytes: lambda value: ("bytes", base64.b64encode(value).decode()),
    Decimal: _pack_decimal,
    datetime: _pack_datetime,
    date: lambda value: ("date", value.isoformat()),
    UUID: lambda value: ("uuid", value.hex),
    Document: _pack_document,
}

_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "tuple": tuple,
    "bytes": lambda data: base64.b64decode(data, validate=True),
    "decimal": Decimal,
    "datetime": _unpack_datetime,
    "date": date.fromisoformat,
    "uuid": UUID,
    "document": _unpack_document,
}
