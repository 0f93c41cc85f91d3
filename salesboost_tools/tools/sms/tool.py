"""`sms_outreach`: texts to customers, once, at a decent hour, to those who agreed."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import ConfigDict, Field, SkipValidation

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import caller_of
from salesboost_tools.tools.sms.arguments import READING, SmsArguments, command_of
from salesboost_tools.tools.sms.commands import Command
from salesboost_tools.tools.sms.message_key import message_key
from salesboost_tools.tools.sms.outbox import SmsOutbox


def effect_of(args: Mapping[str, Any]) -> Effect:
    """Return what a call does: a dry run and everything that only looks is a read."""
    return Effect.READ if args.get("operation") in READING or args.get("dry_run") is True else Effect.WRITE


SMS_SPEC = ToolSpec(
    effect=effect_of,
    allowed_roles={"coach", "system"},
    rate_limit="20/hour",
    cache_ttl_s=0,  # what became of a message a minute ago is not what became of it
    timeout_s=30,
)


class SmsOutreach(BaseTool):
    """Sends texts and keeps the book of who may get them.

    Who calls comes from `config["configurable"]` (`user_id`, `tenant_id`, `caller_role`), never from an argument. The
    same write, named as `message_key` says, is entered once, whatever happens to processes and handlers meanwhile.

    Args:
        outbox: Where messages are entered, for example what `open_sms` returns.
        default_region: ISO 3166 code of the country of numbers without a plus; None to demand the plus.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "sms_outreach"
    description: str = (
        "Sends text messages to customers who agreed to get them: now or at a time, with status, history, "
        "cancellation, opt-in, opt-out and campaign statistics. Keeps to consent, quiet hours and a cap per person; "
        "dry_run says whether a message could go and how many SMS it becomes."
    )
    args_schema: ArgsSchema | None = SmsArguments
    spec: ToolSpec = SMS_SPEC
    outbox: SkipValidation[SmsOutbox] = Field(exclude=True)
    default_region: str | None = None

    def _parse_input(self, tool_input: str | dict[str, Any], tool_call_id: str | None) -> str | dict[str, Any]:
        """Let the call's id through to `_run`: LangChain's own way of doing so would refuse calls without one."""
        if isinstance(tool_input, dict):
            tool_input = {**tool_input, "call_id": tool_call_id}
        return super()._parse_input(tool_input, tool_call_id)

    def _run(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        return self.outbox.perform(self._command(arguments, config), caller_of(config))

    async def _arun(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        return await self.outbox.aperform(self._command(arguments, config), caller_of(config))

    def _command(self, arguments: Mapping[str, Any], config: RunnableConfig) -> Command:
        asked = SmsArguments.model_validate(arguments)
        key = message_key(asked=asked.idempotency_key, call_id=asked.call_id, config=config, caller=caller_of(config))
        return command_of(asked, key=key, default_region=self.default_region)

    def probe(self) -> Mapping[str, str]:
        """Touch the database, check the provider's credentials, and return what both are.

        Raises:
            UpstreamError: One of them cannot be used.
        """
        self.outbox.probe()
        return self._facts()

    async def aprobe(self) -> Mapping[str, str]:
        """Do what `probe` does without blocking the event loop."""
        await self.outbox.aprobe()
        return self._facts()

    def _facts(self) -> Mapping[str, str]:
        return {"back_end": self.outbox.database.product, "provider": self.outbox.provider_name}
