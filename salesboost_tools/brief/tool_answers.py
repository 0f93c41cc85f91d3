"""The tools' answers, read back from the messages of a graph."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """One call and what became of it.

    Attributes:
        call_id: The call's id.
        tool: The name that was called; of a group, not of the variant.
        args: As they were asked.
        ok: Whether it succeeded.
        text: What the tool said, word for word.
        data: The same as a value if it is a JSON object; empty if not, or if the call failed.
    """

    call_id: str
    tool: str
    args: Mapping[str, Any]
    ok: bool
    text: str
    data: Mapping[str, Any]

    def asked(self, tool: str, **args: Any) -> bool:
        """Return whether this was a call of `tool` with at least these arguments."""
        return self.tool == tool and all(self.args.get(name) == value for name, value in args.items())


def this_request(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """Return the messages since the last request of a person, that one included; a thread may hold several."""
    begins = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return messages[begins[-1] :] if begins else messages


def tool_answers(messages: Sequence[AnyMessage]) -> tuple[ToolAnswer, ...]:
    """Return the answered calls of the present request, in the order they were asked."""
    replies = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    return tuple(
        _answer(call, replies[call["id"]])
        for message in this_request(messages)
        if isinstance(message, AIMessage)
        for call in message.tool_calls
        if call["id"] in replies
    )


def _answer(call: Mapping[str, Any], reply: ToolMessage) -> ToolAnswer:
    text = reply.text
    ok = reply.status != "error"
    return ToolAnswer(call["id"], call["name"], call["args"], ok, text, _object(text) if ok else {})


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def records(answers: Iterable[ToolAnswer], record_type: str) -> list[Mapping[str, Any]]:
    """Return the CRM's records of one type from all answers; of one that came twice the latest."""
    found = {
        row["id"]: row
        for answer in answers
        for row in (*answer.data.get("records", ()), *([answer.data["record"]] if "record" in answer.data else ()))
        if row["type"] == record_type
    }
    return list(found.values())
