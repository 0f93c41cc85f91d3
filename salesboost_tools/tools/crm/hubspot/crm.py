"""A `Crm` on HubSpot."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ToolPermissionError
from salesboost_tools.tools.argument import DEFAULT_TENANT, Now, utc_now
from salesboost_tools.tools.crm.commands import (
    AddActivity,
    AuditTrail,
    Command,
    Create,
    Find,
    Get,
    MoveDeal,
    Update,
    Upsert,
    WinLoss,
    changes_something,
)
from salesboost_tools.tools.crm.hubspot import reading, wire, writing
from salesboost_tools.tools.crm.hubspot.client import BASE_URL, HubSpotClient
from salesboost_tools.tools.crm.hubspot.objects import Portal
from salesboost_tools.tools.crm.hubspot.wire import Talk
from salesboost_tools.tools.crm.vocabulary import Stage

DEFAULT_STAGES: Final[Mapping[Stage, str]] = {
    "qualification": "appointmentscheduled",
    "discovery": "qualifiedtobuy",
    "evaluation": "presentationscheduled",
    "proposal": "decisionmakerboughtin",
    "negotiation": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
}
"""Our stages in HubSpot's default sales pipeline, which has none for `closing`."""

DEFAULT_TIMEOUT_S = 4.0
"""Seconds per request: a tool call of two requests still ends within its own limit."""

_logger = logging.getLogger(__name__)


class HubSpotCrm:
    """Companies, contacts, deals, notes and tasks in one HubSpot account, over its CRM API version 3.

    What it cannot give, and says so when asked: HubSpot's search follows its writes by seconds (`consistency` is
    "eventual"; `get` is not); a version is the moment of the last change, compared before the write and not within it;
    an idempotency key means nothing to HubSpot, so only `IdempotencyHandler` keeps a write from being asked for twice.
    No write is sent twice from here, and one without a clear answer is reported as unknown.

    Args:
        token: Of a private app with the scopes to read and write companies, contacts and deals.
        tenant_id: Whose account it is; other tenants' callers are refused.
        stages: Our stage -> the id of the pipeline's; `DEFAULT_STAGES` fits HubSpot's own pipeline.
        competitor_property: HubSpot's name of a deal property that holds the competitor; None if there is none.
        base_url: Another address than HubSpot's, for tests and proxies.
        timeout_s: Seconds to wait for each reply.
        now: The present moment (UTC).

    Raises:
        ConfigurationError: The token or the address cannot be used.
    """

    def __init__(
        self,
        token: str,
        *,
        tenant_id: str = DEFAULT_TENANT,
        stages: Mapping[Stage, str] = DEFAULT_STAGES,
        competitor_property: str | None = None,
        base_url: str = BASE_URL,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        now: Now = utc_now,
    ) -> None:
        self._client = HubSpotClient(token, base_url=base_url, timeout_s=timeout_s, now=now)
        self._tenant_id, self._stages, self._competitor, self._now = tenant_id, dict(stages), competitor_property, now

    @property
    def product(self) -> str:
        """What it is."""
        return "HubSpot"

    @property
    def knows_competitors(self) -> bool:
        """Whether deals can be asked for by competitor, and how they ended against one."""
        return self._competitor is not None

    def perform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:  # noqa: ARG002  (HubSpot has no use for a key)
        """Answer a command for a caller of this account's tenant.

        Raises:
            ToolPermissionError: The caller belongs to another tenant.
            ToolInputError: What was asked does not exist, is stale or is not allowed; the message says what is.
            UpstreamError: HubSpot refused or failed; `outcome_unknown` says whether a write may have happened.
        """
        answer = self._client.follow(self._talk(command, caller))
        _audit(command, caller, answer)
        return answer

    async def aperform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:  # noqa: ARG002  (as above)
        """Do what `perform` does without blocking the event loop."""
        answer = await self._client.afollow(self._talk(command, caller))
        _audit(command, caller, answer)
        return answer

    def probe(self) -> None:
        """Ask for one of each: HubSpot is there, knows the token and lets it read what is needed.

        Raises:
            UpstreamError: It is not, or does not.
        """
        self._client.follow(_touch())

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        await self._client.afollow(_touch())

    def close(self) -> None:
        """Give back the sync connections. It can be used again."""
        self._client.close()

    async def aclose(self) -> None:
        """Give back all connections of this event loop. It can be used again."""
        await self._client.aclose()

    def _talk(self, command: Command, caller: Caller) -> Talk:
        tenant_id = caller.tenant_id or DEFAULT_TENANT
        if tenant_id != self._tenant_id:
            raise ToolPermissionError(
                f"this HubSpot account is tenant {self._tenant_id!r}'s, the caller is {tenant_id!r}'s "
                "(setting TOOL_HUBSPOT_TENANT)",
                for_model="There is no CRM for this caller. Continue without it.",
            )
        portal = Portal(self._stages, self._competitor, self._now())
        match command:
            case Get():
                return reading.get(command, portal)
            case Find():
                return reading.find(command, portal, tenant_id)
            case WinLoss():
                return reading.win_loss(command, portal)
            case AuditTrail():
                return reading.audit_trail(command, portal)
            case _:
                return _write(command, portal)


def _write(command: AddActivity | Create | Upsert | MoveDeal | Update, portal: Portal) -> Talk:
    match command:
        case AddActivity():
            return writing.add_activity(command, portal)
        case Create():
            return writing.create_record(command, portal)
        case Upsert():
            return writing.upsert(command, portal)
        case MoveDeal():
            return writing.move_deal(command, portal)
        case Update():
            return writing.update(command, portal)


def _touch() -> Talk:
    for kind in ("contacts", "companies", "deals"):  # each has a scope of its own
        yield wire.first_page(kind, 1)
    return {}


def _audit(command: Command, caller: Caller, answer: Mapping[str, Any]) -> None:
    """Write down who asked for a change: HubSpot's history knows the private app only. Names, no values."""
    if changes_something(command) and answer["changes"]:
        what, record, names = answer["operation"], answer["record"], ", ".join(answer["changes"])
        who = (caller.user_id, caller.role)
        _logger.info("%s of %s %s by %s (%s): %s", what, record["type"], record["id"], *who, names)
