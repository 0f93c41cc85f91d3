"""A tool that lists roles is open to callers of these roles, and to nobody else."""

from enum import StrEnum

import pytest

from salesboost_tools.core.errors import ToolPermissionError
from salesboost_tools.core.spec import EVERYONE, Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.permission import PermissionHandler
from tests.doubles import ScriptedTool


def open_to(roles):
    tool = ScriptedTool(spec=ToolSpec(effect=Effect.READ, allowed_roles=roles))
    return tool, govern(tool, PermissionHandler())


@pytest.mark.parametrize("role", ["coach", "npc"])
async def test_a_caller_of_a_listed_role_may_call(ask, role):
    tool, governed = open_to({"coach", "npc"})
    assert await ask(governed, caller_role=role) == "answer"
    assert tool.started == 1


@pytest.mark.parametrize("role", ["rag", "COACH", "coach ", "", None])
async def test_a_caller_of_any_other_role_is_refused_and_the_tool_not_started(ask, role):
    tool, governed = open_to({"coach", "npc"})
    with pytest.raises(ToolPermissionError):
        await ask(governed, caller_role=role)
    assert tool.started == 0


async def test_a_caller_without_a_role_is_refused(ask):
    tool, governed = open_to({"coach"})
    with pytest.raises(ToolPermissionError, match="the caller has none"):
        await ask(governed)
    assert tool.started == 0


async def test_the_role_system_is_one_caller_and_not_everybody(ask):
    _, governed = open_to({"system"})
    assert await ask(governed, caller_role="system") == "answer"
    with pytest.raises(ToolPermissionError):
        await ask(governed, caller_role="coach")
    _, governed = open_to({"coach"})
    with pytest.raises(ToolPermissionError):
        await ask(governed, caller_role="system")


async def test_a_tool_that_lists_no_role_is_open_to_nobody(ask):
    tool, governed = open_to(())
    for role in ("coach", "system", None):
        with pytest.raises(ToolPermissionError, match="open to no role at all"):
            await ask(governed, caller_role=role)
    assert tool.started == 0


async def test_a_tool_for_everyone_asks_for_no_role(ask):
    _, governed = open_to(EVERYONE)
    assert await ask(governed) == "answer"
    assert await ask(governed, caller_role="whoever") == "answer"


async def test_a_role_may_be_a_member_of_an_enum(ask):
    class Role(StrEnum):
        COACH = "coach"

    _, governed = open_to({Role.COACH})
    assert await ask(governed, caller_role="coach") == "answer"
    assert await ask(governed, caller_role=Role.COACH) == "answer"


async def test_the_operator_reads_who_was_refused_and_who_may_and_the_model_only_what_to_do(ask):
    _, governed = open_to({"npc", "coach"})
    with pytest.raises(ToolPermissionError) as refused:
        await ask(governed, "Dana's salary", caller_role="rag")
    assert str(refused.value) == "`scripted` needs one of the roles ['coach', 'npc']; the caller is 'rag'"
    assert refused.value.for_model == "You may not use `scripted` here. Answer without it."
    assert not refused.value.retryable
