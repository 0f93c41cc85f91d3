"""Markdown files with a YAML head: the form of articles and battlecards.

```
---
id: KB-0001
title: Choosing an edition
---
## First section

Text.
```
"""

import re
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from salesboost_tools.core.errors import ConfigurationError

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)")
_HEAD = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)

_Head = TypeVar("_Head", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Block:
    """A heading and the text under it; the heading is empty for text that stands before the first one."""

    heading: str
    text: str


def decode(raw: bytes) -> str:
    """Return the text of a file: UTF-8, unreadable bytes replaced, line ends made equal, NUL made a space."""
    text = raw.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ")


def split_head(text: str, where: str) -> tuple[dict[str, Any] | None, str]:
    """Return the YAML head, None if there is none, and the Markdown that follows.

    Every scalar is text: YAML would turn the version 1.10 into 1.1 and the country NO into false. Whoever validates
    the head gives the types.

    Raises:
        ConfigurationError: The head is not YAML, or not a mapping; the message names the file.
    """
    match = _HEAD.match(text)
    return (parse_yaml(match[1], where), text[match.end() :]) if match else (None, text)


_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Return a YAML mapping in which every scalar is text.

    Raises:
        ConfigurationError: It is not YAML, or not a mapping; the message names the file.
    """
    try:
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506  (it makes text, lists and dicts only)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{where}: the YAML cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{where}: the YAML must be a mapping of names to values, not {type(value).__name__}")
    return {str(name): item for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def validate(model: type[_Head], values: dict[str, Any], where: str) -> _Head:
    """Return `values` as `model`.

    Raises:
        ConfigurationError: Names the file and every field that is wrong, with what is allowed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}" for item in error.errors()
        )
        raise ConfigurationError(f"{where}: {wrong}") from error


def blocks(markdown: str, *, level: int = 2) -> list[Block]:
    """Cut Markdown at its headings of one level; deeper ones stay in the text, and so does code that looks like one.

    Args:
        markdown: Text without a YAML head.
        level: 2 cuts at `##`.

    Returns:
        Blocks in order; one without heading and text is left out.
    """
    mark = "#" * level + " "
    heading, lines, fenced = "", list[str](), False
    found: list[Block] = []
    for line in markdown.split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        if line.startswith(mark) and not fenced:
            found.append(Block(heading, "\n".join(lines).strip()))
            heading, lines = line.removeprefix(mark).strip().strip("#").strip(), []
        else:
            lines.append(line)
    found.append(Block(heading, "\n".join(lines).strip()))
    return [block for block in found if block.heading or block.text]
