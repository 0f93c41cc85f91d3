"""What the settings say tool by tool: of tools that exist, and of a group for each of its variants."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TypeVar

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.settings import Settings
from salesboost_tools.tools.names import KNOWLEDGE, KNOWLEDGE_VARIANTS, TOOL_NAMES

Said = TypeVar("Said")


def tool_by_tool(settings: Settings, retrievers: Iterable[str] = ()) -> Settings:
    """Return the settings with what they say of a group said of each of its variants; a variant's own word counts.

    Args:
        settings: As a person wrote them.
        retrievers: The words for variants of one's own.

    Raises:
        ConfigurationError: A name is nobody's; all that are allowed are listed, the nearest first.
    """
    variants = (*KNOWLEDGE_VARIANTS, *(f"{KNOWLEDGE}_{word}" for word in retrievers))
    tools = (*TOOL_NAMES, *variants)
    wrong = [
        *_unknown("allowed_roles", settings.allowed_roles, tools),
        *_unknown("rate_limits", settings.rate_limits, tools),
        *_unknown("bandit_least", settings.bandit_least, variants),
        *_unknown("bandit_most", settings.bandit_most, variants),
    ]
    if wrong:
        raise ConfigurationError("settings cannot be used: " + "; ".join(wrong))
    spread = {
        "allowed_roles": _of_each(variants, settings.allowed_roles),
        "rate_limits": _of_each(variants, settings.rate_limits),
    }
    return settings.model_copy(update=spread)


def _unknown(setting: str, said: Mapping[str, object], known: Sequence[str]) -> list[str]:
    return [
        f"TOOL_{setting.upper()}: no {'variant' if KNOWLEDGE not in known else 'tool'} is called {name!r}; there are: "
        f"{', '.join(_nearest_first(name, known))}"
        for name in said
        if name not in known
    ]


def _nearest_first(name: str, known: Sequence[str]) -> list[str]:
    return sorted(known, key=lambda each: SequenceMatcher(None, each, name).ratio(), reverse=True)


def _of_each(variants: Sequence[str], said: Mapping[str, Said]) -> dict[str, Said]:
    return {**(dict.fromkeys(variants, said[KNOWLEDGE]) if KNOWLEDGE in said else {}), **said}
