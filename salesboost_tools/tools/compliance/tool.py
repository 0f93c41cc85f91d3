"""`compliance_check`: may a text be sent, what is wrong with it, and how could it read instead?"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC
from functools import cache
from importlib.resources.abc import Traversable
from typing import Any, Literal

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import Now, utc_now, wrong_input
from salesboost_tools.tools.compliance.checker import Checker, Find, Scope
from salesboost_tools.tools.compliance.rewriting import rewritten
from salesboost_tools.tools.compliance.rule import Channel, Family, Jurisdiction
from salesboost_tools.tools.compliance.rule_folder import read_rules

Status = Literal["OK", "WARN", "BLOCK"]

COMPLIANCE_SPEC = ToolSpec(
    effect=Effect.READ,
    allowed_roles={"compliance", "session_director", "coach"},
    rate_limit="15/minute",
    timeout_s=10,
    results_shared=True,
)

_FLAGS_AT_MOST = 50
_SHORT_ENOUGH_FOR_THE_LOOP = 1_000


class ComplianceArguments(BaseModel):
    """What to check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1, max_length=20_000, description="The text as it would be sent or said.")
    channel: Channel | None = Field(
        default=None,
        description="How it is sent. With 'email' or 'sms' a promotion is also checked for a way to opt out.",
    )
    jurisdiction: Jurisdiction | None = Field(
        default=None, description="Whose law counts; leave out to check against all of them."
    )
    families: list[Family] | None = Field(
        default=None, min_length=1, max_length=8, description="Only these families of rules; leave out for all."
    )
    rewrite: bool = Field(default=True, description="Whether to suggest a text that passes.")


class ComplianceCheck(BaseTool):
    """Checks a text against rules that are data.

    The result is a dict of JSON values: `status` (`BLOCK` if a flag is severe, `WARN` if there is any, else `OK`),
    `flags` (rule, family, severity, `start` and `end` in the text as it was given, the words found, why, source),
    `rewrite` (a text that passes the same check; None if nothing was flagged) and what it was checked against.

    Args:
        rules: Folder of rules (`compliance.rule_folder`); the shipped ones by default.
        now: Decides which rules are in force (UTC).

    Raises:
        ConfigurationError: A rule cannot be used; the message names file and entry.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "compliance_check"
    description: str = (
        "Checks a text before it is sent or said: calls and texts (TCPA), e-mail (CAN-SPAM), data protection (GDPR), "
        "promises of money, guarantees, claims about competitors, personal data, prompt injection; in English and "
        "Chinese. Returns OK, WARN or BLOCK, what is wrong and where, and a rewrite that passes."
    )
    args_schema: ArgsSchema | None = ComplianceArguments
    spec: ToolSpec = COMPLIANCE_SPEC

    _folder: Traversable | None = PrivateAttr()
    _checker: Checker = PrivateAttr()
    _now: Now = PrivateAttr()

    def __init__(self, rules: Traversable | None = None, *, now: Now = utc_now, **settings: Any) -> None:
        super().__init__(**settings)
        self._folder, self._now = rules, now
        self._checker = shipped_checker() if rules is None else Checker(read_rules(rules))

    def probe(self) -> Mapping[str, int]:
        """Read the rules again and return how many there are.

        Raises:
            ConfigurationError: A file is gone or broken; the message names file and entry.
            UpstreamError: What was read does not flag its own first example.
        """
        book = read_rules(self._folder)
        checker = self._checker if book == self._checker.book else Checker(book)  # compiling them takes its time
        rule = checker.rules[0]
        scope = Scope(day=rule.effective.since, channel=rule.channels[0] if rule.missing else None)
        if rule.id not in {find.rule.id for find in checker.finds(rule.positive[0], scope)}:
            raise UpstreamError(f"the compliance rule {rule.id} does not flag its own first example")
        return {"rules": len(checker.rules)}

    def close(self) -> None:
        """Nothing is held open."""

    def _run(self, **arguments: Any) -> dict[str, Any]:
        return self._checked(ComplianceArguments.model_validate(arguments))

    async def _arun(self, **arguments: Any) -> dict[str, Any]:
        """Check a short text on the event loop (a few milliseconds), a long one in a thread."""
        asked = ComplianceArguments.model_validate(arguments)
        if len(asked.text) <= _SHORT_ENOUGH_FOR_THE_LOOP:
            return self._checked(asked)
        return await asyncio.to_thread(self._checked, asked)

    def _checked(self, asked: ComplianceArguments) -> dict[str, Any]:
        scope = Scope(
            day=self._now().astimezone(UTC).date(),
            channel=asked.channel,
            jurisdiction=asked.jurisdiction,
            families=None if asked.families is None else frozenset(asked.families),
        )
        asked_rules = [rule for rule in self._checker.rules if scope.covers(rule)]
        if not asked_rules:
            raise wrong_input("No rule covers this channel, jurisdiction and family; leave one of them out.")
        found = self._checker.finds(asked.text, scope)
        suggestion = self._rewritten(asked.text, scope) if found and asked.rewrite else None
        return {
            "status": status_of(found),
            "flags": [_flag(find, asked.text) for find in found[:_FLAGS_AT_MOST]],
            "flags_left_out": max(0, len(found) - _FLAGS_AT_MOST),
            "rewrite": suggestion,
            "checked": {
                "rules": len(asked_rules),
                "channel": asked.channel,
                "jurisdiction": asked.jurisdiction,
                "as_of": scope.day.isoformat(),
            },
        }

    def _rewritten(self, text: str, scope: Scope) -> str:
        return rewritten(text, lambda tried: self._checker.finds(tried, scope))


@cache
def shipped_checker() -> Checker:
    """Return the shipped rules, ready to be asked; made once (0.4 s), because nothing in it changes."""
    return Checker(read_rules())


def status_of(found: Sequence[Find]) -> Status:
    """Return the verdict: a flag of high severity blocks, any other warns."""
    if not found:
        return "OK"
    return "BLOCK" if any(find.rule.severity == "high" for find in found) else "WARN"


def _flag(find: Find, text: str) -> dict[str, Any]:
    rule, (start, end) = find.rule, find.span
    return {
        "rule": rule.id,
        "family": rule.family,
        "severity": rule.severity,
        "start": start,
        "end": end,
        "text": None if rule.family == "personal data" else text[start:end],  # not repeated: answers are logged
        "why": rule.why,
        "source": rule.source,
    }
