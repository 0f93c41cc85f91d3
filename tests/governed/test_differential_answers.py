"""Whatever a tool returns, a governed one returns it as the bare one does."""

import enum
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.types import Command, Send
from pydantic import BaseModel

from tests.governed.side_by_side import WAYS, as_tool_call, both, invoking


class Colour(enum.Enum):
    RED = "red"


class Point(BaseModel):
    x: int = 1


class Unprintable:
    def __repr__(self):
        return "an object"


TEXT_BLOCK = {"type": "text", "text": "hello"}
MESSAGE = ToolMessage("own", tool_call_id="own-id", name="own", artifact={"x": 1}, status="error")
COMMAND = Command(update={"messages": [MESSAGE]}, goto="next")

ANSWERS = {
    "None": None,
    "zero": 0,
    "False": False,
    "an empty text": "",
    "an empty list": [],
    "an empty dict": {},
    "an empty tuple": (),
    "text": "hello",
    "umlauts and emoji": "Größe 🚀 مرحبا",
    "half a surrogate": "\ud800",
    "a null character": "a\x00b",
    "a big whole number": 2**200,
    "a fraction": 0.1,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a decimal": Decimal("1.10"),
    "a time": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    "a date": date(2026, 1, 2),
    "bytes": b"\x00\xff",
    "a uuid": UUID(int=7),
    "a path": PurePosixPath("/a"),
    "an enum member": Colour.RED,
    "a set": {1},
    "a range": range(3),
    "a dict with odd keys": {1: "a", None: "b"},
    "a dict that JSON cannot hold": {(1, 2): "a"},
    "nested": {"a": [1, {"b": None}], "ü": "ß"},
    "a model": Point(),
    "an object": Unprintable(),
    "a class": Point,
    "an error, returned": ValueError("no"),
    "documents": [Document("a"), Document("b")],
    "a block": TEXT_BLOCK,
    "blocks": [TEXT_BLOCK, {"type": "image_url", "image_url": {"url": "data:,"}}],
    "blocks and text": [TEXT_BLOCK, "more"],
    "blocks in a tuple": (TEXT_BLOCK,),
    "blocks of an unknown type": [{"type": "hologram"}],
    "a list of text": ["a", "b"],
    "a message": MESSAGE,
    "a message of another kind": AIMessage("hello"),
    "messages": [MESSAGE, MESSAGE],
    "a command": COMMAND,
    "a command to the parent": Command(graph=Command.PARENT, goto=[Send("node", {"x": 1})]),
    "commands": [COMMAND, Command(goto="other")],
    "commands and messages": [COMMAND, MESSAGE],
    "commands and text": [COMMAND, "text"],
    "a pair": ("content", {"artifact": 1}),
    "a pair of nothing": (None, None),
    "a pair with a message": (MESSAGE, "artifact"),
    "a pair with blocks": ([TEXT_BLOCK], [Document("a")]),
    "a pair in a list": ["content", "artifact"],
    "three parts": (1, 2, 3),
    "one part": (1,),
    "two letters": "ab",
}


def _tool(answer, response_format):
    def answering(x: int = 1):
        """Answer."""
        return answer

    async def answering_later(x: int = 1):
        """Answer."""
        return answer

    return lambda: StructuredTool.from_function(answering, answering_later, response_format=response_format)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("response_format", ["content", "content_and_artifact"])
@pytest.mark.parametrize("given", [{"x": 1}, as_tool_call("answering", {"x": 1})], ids=["arguments", "a model's call"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_that_of_the_bare_tool(answer, response_format, given, way):
    bare, governed = both(_tool(answer, response_format), way, invoking(given))
    assert governed == bare
