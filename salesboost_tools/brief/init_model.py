"""A chat model by name. This module needs the extra `models`."""

from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError

try:
    from langchain.chat_models import init_chat_model
except ImportError as error:
    raise MissingExtraError("a chat model by name", "models") from error


def init_model(name: str, **options: Any) -> BaseChatModel:
    """Return the chat model `provider:name`, for example `openai:gpt-5-mini`; its key comes from the environment.

    Raises:
        ConfigurationError: The provider is unknown, or its package is not installed; the message says what to do.
    """
    try:
        return cast("BaseChatModel", init_chat_model(name, **options))
    except (ImportError, ValueError) as error:
        raise ConfigurationError(f"the model {name!r} cannot be used: {error}") from error
