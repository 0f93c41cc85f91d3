"""`profile_reader`: what is known of an account or a person, as far as the asking role may see it."""

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from pydantic import ConfigDict, PrivateAttr

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ToolInputError, ToolPermissionError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.tools.argument import Now, caller_of, utc_now, write_key_of, wrong_input
from salesboost_tools.tools.crm.commands import Command, Crm
from salesboost_tools.tools.profile.arguments import ProfileArguments
from salesboost_tools.tools.profile.erasures import Erase, Erasures
from salesboost_tools.tools.profile.reading import ErasedAmong, Steps, profile
from salesboost_tools.tools.profile.roles import RoleRules, read_roles


def effect_of(args: Mapping[str, Any]) -> Effect:
    """Return what a call does: an erasure that is not just tried out writes."""
    return Effect.WRITE if args.get("operation") == "erase" and args.get("dry_run") is not True else Effect.READ


PROFILE_SPEC = ToolSpec(
    effect=effect_of,
    allowed_roles={"coach", "session_director"},
    rate_limit="20/minute",
    timeout_s=10,
    cache_ttl_s=0,  # what is shown depends on the role, and what was erased must not come back
)


class ProfileReader(BaseTool):
    """Reads profiles of the caller's tenant, and erases people on their request.

    Every fact names its source (`crm:contact:CON-0042-1`) and the time it is from. Who calls, and so what is masked,
    comes from `config["configurable"]`, never from an argument.

    Args:
        crm: Holds accounts, contacts and activities.
        erasures: Knows who was erased, and erases; None if the CRM's people are erased in the CRM itself.
        roles: Which role sees what, and may erase; the shipped rules by default.
        now: The present moment (UTC).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str = "profile_reader"
    description: str = (
        "What is known of an account (firmographics, buying committee, pains, preferences, consent, timeline) or a "
        "person (identity, pains, preferences, consent, timeline), each fact with source and time; one field or all. "
        "Personal data is masked as the caller's role requires. operation erase removes a person for good."
    )
    args_schema: ArgsSchema | None = ProfileArguments
    spec: ToolSpec = PROFILE_SPEC

    _crm: Crm = PrivateAttr()
    _erasures: Erasures | None = PrivateAttr()
    _roles: RoleRules = PrivateAttr()
    _now: Now = PrivateAttr()

    def __init__(
        self,
        crm: Crm,
        erasures: Erasures | None = None,
        *,
        roles: RoleRules | None = None,
        now: Now = utc_now,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self._crm, self._erasures, self._roles, self._now = crm, erasures, roles or read_roles(), now

    def probe(self) -> Mapping[str, Any]:
        """Touch the CRM and the note of erasures, and return what the CRM is and whether people are erased there.

        Raises:
            UpstreamError: One of them did not answer.
        """
        self._crm.probe()
        if self._erasures is not None:
            self._erasures.probe()
        return self._facts()

    async def aprobe(self) -> Mapping[str, Any]:
        """Do what `probe` does without blocking the event loop."""
        await self._crm.aprobe()
        if self._erasures is not None:
            await self._erasures.aprobe()
        return self._facts()

    def _facts(self) -> Mapping[str, Any]:
        return {"back_end": self._crm.product, "erases": self._erasures is not None}

    def _run(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        asked, caller = ProfileArguments.model_validate(arguments), caller_of(config)
        if asked.operation == "erase":
            return self._eraser(caller).erase(self._erase(asked, config), caller)
        steps = self._steps(asked, caller)
        try:
            wanted = next(steps)
            while True:
                try:
                    got = self._answer(wanted, caller)
                except ToolInputError as error:
                    wanted = steps.throw(error)
                else:
                    wanted = steps.send(got)
        except StopIteration as end:
            return end.value

    async def _arun(self, config: RunnableConfig, **arguments: Any) -> dict[str, Any]:
        asked, caller = ProfileArguments.model_validate(arguments), caller_of(config)
        if asked.operation == "erase":
            return await self._eraser(caller).aerase(self._erase(asked, config), caller)
        steps = self._steps(asked, caller)
        try:
            wanted = next(steps)
            while True:
                try:
                    got = await self._aanswer(wanted, caller)
                except ToolInputError as error:
                    wanted = steps.throw(error)
                else:
                    wanted = steps.send(got)
        except StopIteration as end:
            return end.value

    def _steps(self, asked: ProfileArguments, caller: Caller) -> Steps:
        return profile(asked, self._roles.of(caller.role), self._now())

    def _answer(self, wanted: Command | ErasedAmong, caller: Caller) -> Any:
        if not isinstance(wanted, ErasedAmong):
            return self._crm.perform(wanted, caller)
        return {} if self._erasures is None else self._erasures.erased(wanted.person_ids, caller)

    async def _aanswer(self, wanted: Command | ErasedAmong, caller: Caller) -> Any:
        if not isinstance(wanted, ErasedAmong):
            return await self._crm.aperform(wanted, caller)
        return {} if self._erasures is None else await self._erasures.aerased(wanted.person_ids, caller)

    def _erase(self, asked: ProfileArguments, config: RunnableConfig) -> Erase:
        return Erase(person_id=asked.who, dry_run=asked.dry_run, key=write_key_of(self.name, config))

    def _eraser(self, caller: Caller) -> Erasures:
        """Return what erases.

        Raises:
            ToolPermissionError: The caller's role may not erase.
            ToolInputError: People are erased elsewhere.
        """
        if not self._roles.of(caller.role).may_erase:
            raise ToolPermissionError(
                f"erasing a person needs one of the roles {self._roles.erasers()}; the caller is {caller.role!r} "
                "(setting TOOL_PROFILE_ROLES)",
                for_model="You may not erase people. Ask a session director to do it.",
            )
        if self._erasures is None:
            raise wrong_input("The people of this CRM are erased in the CRM itself; ask its administrator.")
        return self._erasures
