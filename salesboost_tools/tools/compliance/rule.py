"""A compliance rule as it stands in a file."""

from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from salesboost_tools.tools.compliance.shapes import SHAPES

Family = Literal[
    "TCPA",
    "CAN-SPAM",
    "GDPR",
    "financial promise",
    "guarantee",
    "competitor claim",
    "personal data",
    "prompt injection",
]
Severity = Literal["low", "medium", "high"]
"""A high one blocks the text; the others warn."""
Jurisdiction = Literal["US", "EU", "GB", "CN"]
Channel = Literal["email", "sms", "call", "chat", "web"]
ALL_CHANNELS: tuple[Channel, ...] = get_args(Channel)
ALL_JURISDICTIONS: tuple[Jurisdiction, ...] = get_args(Jurisdiction)

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Examples = Annotated[list[Text], Field(min_length=3)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Effective(_Entry):
    """The days a rule holds, both included; open where it says nothing."""

    since: date
    until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until {self.until} lies before since {self.since}")
        return self

    def holds_on(self, day: date) -> bool:
        """Return whether the rule is in force on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


class Missing(_Entry):
    """Something a text must hold if it is of a certain kind.

    Attributes:
        when: Phrases that show the kind.
        one_of: Phrases of which one has to stand there too.
        add: What to add to the text if none does.
    """

    when: list[Text] = Field(min_length=1)
    one_of: list[Text] = Field(min_length=1)
    add: Text


class Rule(_Entry):
    """One rule.

    Attributes:
        why: What is wrong, for whoever wrote the text.
        source: Law or policy it comes from.
        patterns: Phrases that break it (`compliance.pattern`).
        together: Groups of phrases; a sentence breaks it that holds one of each group, in any order.
        shapes: Numbers that break it (`compliance.shapes`).
        missing: What breaks it by not being there.
        unless: Phrases that, overlapping a find, make it harmless.
        negatable: Whether a denial up to four words before a find makes it harmless.
        whole_sentence: Whether the rewrite replaces the sentence; otherwise only what was found.
        rewrite: What stands there instead; empty to leave it out.
        positive: Texts that break the rule, three or more.
        negative: Texts that resemble them and do not break any rule.
    """

    id: str = Field(pattern=r"^[A-Z][A-Z0-9-]{2,39}$")
    family: Family
    severity: Severity
    jurisdictions: list[Jurisdiction] = Field(default=list(ALL_JURISDICTIONS), min_length=1)
    channels: list[Channel] = Field(default=list(ALL_CHANNELS), min_length=1)
    effective: Effective
    language: Literal["en", "zh"]
    why: Text
    source: Text
    patterns: list[Text] = []
    together: list[Annotated[list[Text], Field(min_length=1)]] = []
    shapes: list[str] = []
    missing: Missing | None = None
    unless: list[Text] = []
    negatable: bool = False
    whole_sentence: bool = True
    rewrite: str = ""
    positive: Examples
    negative: Examples

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        if not (self.patterns or self.together or self.shapes or self.missing):
            raise ValueError("a rule needs patterns, together, shapes or missing")
        if unknown := sorted(set(self.shapes) - set(SHAPES)):
            raise ValueError(f"no such shape: {', '.join(unknown)}; there are {', '.join(sorted(SHAPES))}")
        return self


class RuleFile(_Entry):
    """One file: lists that its patterns may name, and rules."""

    lists: dict[str, list[Text]] = {}
    rules: list[Rule] = []
