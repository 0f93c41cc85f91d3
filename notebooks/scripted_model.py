"""A chat model that follows a script, so that an agent runs without a key and the same way every time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langchain_core.outputs import ChatGeneration, ChatResult

Step = AIMessage | Callable[[list[BaseMessage]], AIMessage]
"""What the model says; or a function that makes it of the conversation so far."""

_numbers = count(1)


def calls(*asked: tuple[str, Mapping[str, Any]]) -> AIMessage:
    """Return a message that asks for tools by name, with their arguments."""
    return AIMessage(
        "",
        tool_calls=[
            ToolCall(name=name, args=dict(args), id=f"call_{next(_numbers)}", type="tool_call") for name, args in asked
        ],
    )


class ScriptedChatModel(BaseChatModel):
    """Says the steps of its script one after another, whatever it is asked. It is a model only in form.

    Args:
        script: One step for each time the model speaks in a conversation.
    """

    script: list[Any]  # of `Step`s; spelled out, pydantic would try to make messages of functions

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "ScriptedChatModel":
        """Return itself: its script names the tools."""
        del tools, kwargs
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager, kwargs
        step = self.script[sum(isinstance(message, AIMessage) for message in messages)]
        message = step if isinstance(step, AIMessage) else step(messages)
        return ChatResult(generations=[ChatGeneration(message=message)])
