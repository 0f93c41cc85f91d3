"""What is left of a result when personal data and secrets are taken out: by field name, and by how text looks.

Types stay, and the shape as far as that is safe: `+1 (555) 123-4567` becomes `+* (***) ***-**67`. Ids, amounts, dates
and ordinary text stay as they are. A value in which nothing is masked comes back as the same object; nothing that was
handed in is ever changed. Masking what is masked changes nothing.
"""

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

from pydantic import BaseModel

from salesboost_tools.core.sensitive_fields import Kind, kind_of, words_of
from salesboost_tools.core.text_patterns import HIDDEN, mask_all, mask_email, mask_patterns, mask_places

_SHORTEST_NUMBER = 1_000_000
"""Whole numbers in a sensitive field are masked from here on; smaller ones count something."""

_NAMED = re.compile(r'"([^"\\]{2,64})"\s*:\s*')
"""A field in JSON text."""

_JSON = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class MaskRules:
    """What to mask. Names match however their words are joined: `workPhone`, `work_phone` and `Work-Phone` are one.

    Attributes:
        by_name: Mask fields whose names announce personal data or a secret.
        by_pattern: Mask e-mail addresses, phone and card numbers, tokens and keys wherever they stand in text.
        also: Further field names, with what they hold.
        never: Field names whose own values stay, whatever they hold.
    """

    by_name: bool = True
    by_pattern: bool = True
    also: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    never: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "also", {_joined(name): kind for name, kind in self.also.items()})
        object.__setattr__(self, "never", frozenset(_joined(name) for name in self.never))

    def holds(self, name: str) -> Kind | None:
        """Return what a field of this name holds."""
        return self.also.get(_joined(name)) or (kind_of(name) if self.by_name else None)

    def spares(self, name: str) -> bool:
        """Return whether a field of this name stays as it is."""
        return bool(self.never) and _joined(name) in self.never


USUAL_MASKS = MaskRules()


def mask(value: Any, rules: MaskRules = USUAL_MASKS, kind: Kind | None = None) -> Any:
    """Return a value with personal data and secrets masked; the same object if there was nothing to mask.

    Args:
        value: Text, plain data nested as it may be, dataclasses, pydantic models. Objects of other types stay as they
            are, and so do bytes, True and False. A whole number in a sensitive field becomes 0.
        rules: What to mask.
        kind: What the value is known to hold, because of the name of the field it stands in.

    Raises:
        RecursionError: It is nested too deeply, or holds itself.
    """
    if isinstance(value, str):
        masked = mask_text(value, rules) if kind is None else mask_as(kind, value)
        return value if masked == value else masked
    if value is None or isinstance(value, bool | bytes):
        return value
    if isinstance(value, int | float):
        names_somebody = kind is not None and value == value // 1 and abs(value) >= _SHORTEST_NUMBER
        return type(value)(0) if names_somebody else value
    if isinstance(value, Mapping):
        return _mask_mapping(cast("Mapping[Any, Any]", value), rules, kind)
    if isinstance(value, list | tuple | set | frozenset):
        return _mask_items(cast("list[Any]", value), rules, kind)
    if isinstance(value, BaseModel):
        changed = _changed({**value.__dict__, **(value.__pydantic_extra__ or {})}, rules, kind)
        return value.model_copy(update=changed) if changed else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _mask_dataclass(value, rules, kind)
    return value


def mask_text(text: str, rules: MaskRules = USUAL_MASKS) -> str:
    """Return text masked: fields of JSON in it by their names, everything else by how it looks."""
    if '"' in text and ":" in text:
        text = _mask_named(text, rules)
    return mask_patterns(text) if rules.by_pattern else text


def mask_as(kind: Kind, text: str) -> str:
    """Return text of which it is known what it holds, masked; nothing stays nothing."""
    if not text or text.isspace():
        return text
    if kind is Kind.SECRET:
        return HIDDEN
    if kind is Kind.EMAIL:
        return mask_email(text)
    if kind is Kind.IDENTITY:
        return mask_all(text)
    return mask_places(text, 2, 7) if kind is Kind.PHONE else mask_places(text, 4, 12)


# ---------------------------------------------------------------- nested data


def _mask_mapping(mapping: Mapping[Any, Any], rules: MaskRules, kind: Kind | None) -> Mapping[Any, Any]:
    changed = _changed(mapping, rules, kind)
    renamed = _renamed(mapping) if rules.by_pattern else {}
    if not changed and not renamed:
        return mapping
    items = {renamed.get(key, key): changed.get(key, value) for key, value in mapping.items()}
    if type(mapping) is dict or not isinstance(mapping, dict):
        return items
    masked = copy.copy(mapping)  # a subclass keeps what else it knows, a default for example
    masked.clear()
    masked.update(items)
    return masked


def _changed(mapping: Mapping[Any, Any], rules: MaskRules, kind: Kind | None) -> dict[Any, Any]:
    """Return the values that are masked, by key."""
    changed: dict[Any, Any] = {}
    for key, value in mapping.items():
        holds = kind
        if isinstance(key, str):
            if rules.spares(key):
                continue
            holds = rules.holds(key) or kind
        masked = mask(value, rules, holds)
        if masked is not value and masked != value:
            changed[key] = masked
    return changed


def _renamed(mapping: Mapping[Any, Any]) -> dict[Any, str]:
    """Return new keys for those that are personal data themselves; every entry keeps one of its own."""
    renamed: dict[Any, str] = {}
    for key in mapping:
        masked = mask_patterns(key) if isinstance(key, str) else key
        if masked != key:
            taken = {*mapping, *renamed.values()}
            renamed[key] = next(name for name in _numbered(masked) if name not in taken)
    return renamed


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def _mask_items(items: Any, rules: MaskRules, kind: Kind | None) -> Any:
    if hasattr(items, "_fields"):  # a named tuple
        changed = _changed(items._asdict(), rules, kind)
        return items._replace(**changed) if changed else items
    masked = [mask(item, rules, kind) for item in items]
    if all(new is old for new, old in zip(masked, items, strict=True)):
        return items
    return type(items)(masked)


def _mask_dataclass(value: Any, rules: MaskRules, kind: Kind | None) -> Any:
    fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    changed = _changed(fields, rules, kind)
    if not changed:
        return value
    masked = copy.copy(value)
    for name, new in changed.items():
        object.__setattr__(masked, name, new)  # frozen ones too: nobody else has seen this one
    return masked


# ---------------------------------------------------------------- JSON in text


def _mask_named(text: str, rules: MaskRules) -> str:
    """Mask the values of sensitive fields of JSON in text; what is not masked stays as it is written."""
    parts: list[str] = []
    done = 0
    for name in _NAMED.finditer(text):
        kind = None if rules.spares(name[1]) else rules.holds(name[1])
        if kind is None or name.start() < done:
            continue
        try:
            value, end = _JSON.raw_decode(text, name.end())
        except (ValueError, RecursionError):
            if text.startswith('"', name.end()):  # cut off within the value
                parts += text[done : name.end() + 1], mask_as(kind, text[name.end() + 1 :])
                return "".join(parts)
            continue
        masked = mask(value, rules, kind)
        if masked != value:
            parts += text[done : name.end()], json.dumps(masked, ensure_ascii=False)
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _joined(name: str) -> str:
    return " ".join(words_of(name))
