"""`ScriptedSalesModel`: stands in where no model is configured, so that the assistant runs without a key."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable

_WISH = re.compile(r"(?P<to>\+[\d ()-]{6,20}\d)\s*:\s*(?P<body>.+)", re.DOTALL)
HOW_TO_ASK: Final = "I follow a script, not a language model. Ask me like this: text +14155550123: See you on Tuesday."


class ScriptedSalesModel(BaseChatModel):
    """Follows three steps and understands nothing: looks things up, asks for one text message, reports the outcome.

    It reads a number and a text from the last thing a person said, `+14155550123: the text`.
    """

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return itself: its script names the tools."""
        del tools, tool_choice, kwargs
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager, kwargs
        return ChatResult(generations=[ChatGeneration(message=next_step(messages))])


def next_step(messages: Sequence[BaseMessage]) -> AIMessage:
    """Return what the script says after a conversation."""
    asked_at = max((n for n, message in enumerate(messages) if isinstance(message, HumanMessage)), default=None)
    wish = _WISH.search(messages[asked_at].text) if asked_at is not None else None
    if asked_at is None or wish is None:
        return AIMessage(HOW_TO_ASK)
    since = messages[asked_at + 1 :]
    step = sum(isinstance(message, AIMessage) for message in since)
    to, body = wish["to"], " ".join(wish["body"].split())
    if step == 0:
        reads = {"query": body}, {"operation": "send", "to": to, "body": body, "dry_run": True}
        names = "knowledge_retriever", "sms_outreach"
        calls = [_call(asked_at, n, name, args) for n, (name, args) in enumerate(zip(names, reads, strict=True))]
        return AIMessage("I look up what we know and whether the message may go.", tool_calls=calls)
    if step == 1:
        send = {"operation": "send", "to": to, "body": body, "campaign": "assistant"}
        return AIMessage("I ask for the message to be sent.", tool_calls=[_call(asked_at, 2, "sms_outreach", send)])
    answers = [message for message in since if isinstance(message, ToolMessage)]
    return AIMessage(f"The message: {answers[-1].text if answers else 'nothing is known of it.'}")


def _call(turn: int, number: int, name: str, args: Mapping[str, Any]) -> ToolCall:
    return ToolCall(name=name, args=dict(args), id=f"scripted_{turn}_{number}", type="tool_call")
