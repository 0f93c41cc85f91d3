"""What may be shown of a value: a line of text, masked and short."""

from typing import Any

from langchain_core.messages import ToolMessage
from pydantic_core import to_json

from salesboost_tools.core.masking import USUAL_MASKS, MaskRules, mask, mask_text


def preview_of(value: Any, longest: int, rules: MaskRules = USUAL_MASKS) -> str:
    """Return the beginning of a value as text in which personal data and secrets are masked.

    Data is masked by the names of its fields, then written as JSON, and the text is masked by how it looks, so that
    objects which only their text describes are masked too. It is cut last: half a phone number looks like none.

    Args:
        value: Text, plain data, models, anything; of a `ToolMessage` the content.
        longest: Characters, at least 1; an ellipsis is one of them.
        rules: What to mask.

    Raises:
        ValueError: It cannot be written down, because it holds itself.
        RecursionError: It is nested too deeply.
    """
    if isinstance(value, ToolMessage):
        value = value.content
    masked = mask(value, rules)
    text = masked if isinstance(masked, str) else to_json(masked, fallback=str, bytes_mode="base64").decode()
    text = mask_text(text, rules)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
