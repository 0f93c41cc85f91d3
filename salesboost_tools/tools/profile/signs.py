"""What people said they suffer from and how they like it, found in the CRM's activities by signs that are data."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

Said = Literal["pains", "preferences"]
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"(])")
_LONGEST_SENTENCE = 300


@dataclass(frozen=True, slots=True)
class Sign:
    """A topic, and words of which one shows it."""

    topic: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A topic that came up: in which sentence, in which activity, when, from whom, and how often at all."""

    topic: str
    sentence: str
    activity: Mapping[str, Any]
    times: int


@cache
def shipped_signs() -> Mapping[Said, tuple[Sign, ...]]:
    """Return the signs that are shipped."""
    text = (files("salesboost_tools") / "data" / "profile" / "signs.yaml").read_text(encoding="utf-8")
    known = yaml.safe_load(text)
    return {
        said: tuple(Sign(each["topic"], tuple(each["signs"])) for each in known[said])
        for said in ("pains", "preferences")
    }


def heard(activities: Iterable[Mapping[str, Any]], signs: Sequence[Sign]) -> list[Heard]:
    """Return the topics that came up, each with the latest sentence that shows it, if possible from a conversation.

    A note of ours is quoted only where nobody of the customer is known to have said it.

    Args:
        activities: Records of the CRM, latest first. Tasks and what we wrote ourselves (outbound e-mail) say nothing
            about the customer and are left out.
        signs: What to look for.
    """
    found: dict[str, Heard] = {}
    for activity in activities:
        if activity["kind"] == "task" or (activity["kind"] == "email" and activity["direction"] == "outbound"):
            continue
        sentences = _SENTENCES.split(f"{activity['subject']}. {activity['body']}")
        for sign in signs:
            sentence = next((each for each in sentences if _shows(each, sign)), None)
            if sentence is None:
                continue
            first = found.get(sign.topic)
            times = 1 if first is None else first.times + 1
            if first is None or (first.activity["contact_id"] is None and activity["contact_id"] is not None):
                found[sign.topic] = Heard(sign.topic, sentence[:_LONGEST_SENTENCE], activity, times)
            else:
                found[sign.topic] = replace(first, times=times)
    return list(found.values())


def _shows(sentence: str, sign: Sign) -> bool:
    lowered = f" {sentence.casefold()} "
    return any(word in lowered for word in sign.words)
