"""`crm_integration`: reads and changes accounts, contacts, deals and activities."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import ConfigDict, Field, SkipValidation

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import caller_of, write_key_of
from salesboost_tools.tools.crm.arguments import READING, CrmArguments, command_of
from salesboost_tools.tools.crm.commands import Crm


def effect_of(args: Mapping[str, Any]) -> Effect:
    """Return what a call does: a dry run and everything that only looks is a read."""
    return Effect.READ if args.get("operation") in READING or args.get("dry_run") is True else Effect.WRITE


CRM_SPEC = ToolSpec(
    effect=effect_of,
    allowed_roles={"coach", "npc", "system"},
    rate_limit="5/minute",
    timeout_s=10,
    results_shared=True,
)


class CrmIntegration(BaseTool):
    """Reads and changes the CRM of the caller's tenant.

    Who calls comes from `config["configurable"]` (`user_id`, `tenant_id`, `caller_role`), never from an argument; so
    does the name of a write (`idempotency_key`), unless `IdempotencyHandler` gives it one.

    Args:
        crm: The back end, for example what `open_crm` returns.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "crm_integration"
    description: str = (
        "Reads and changes the CRM: accounts, contacts, deals, activities. Looks up, searches and lists records "
        "(stalled deals too); creates, upserts and updates; writes notes, tasks and deal stages. Nothing is deleted. "
        "Changes need the version that was read; dry_run shows what a change would do."
    )
    args_schema: ArgsSchema | None = CrmArguments
    spec: ToolSpec = CRM_SPEC
    crm: SkipValidation[Crm] = Field(exclude=True)

    def _run(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        command = command_of(CrmArguments.model_validate(arguments))
        return self.crm.perform(command, caller_of(config), write_key_of(self.name, config))

    async def _arun(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        command = command_of(CrmArguments.model_validate(arguments))
        return await self.crm.aperform(command, caller_of(config), write_key_of(self.name, config))

    def probe(self) -> Mapping[str, str]:
        """Return what the back end is; raise unless it answers."""
        self.crm.probe()
        return {"back_end": self.crm.product}

    async def aprobe(self) -> Mapping[str, str]:
        """Do what `probe` does without blocking the event loop."""
        await self.crm.aprobe()
        return {"back_end": self.crm.product}
