"""A tool's spec states the facts handlers decide on, and refuses what is none."""

import copy
import dataclasses

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.spec import EVERYONE, UNSPECIFIED, Effect, ToolSpec


def test_the_effect_has_no_default():
    with pytest.raises(TypeError, match="effect"):
        ToolSpec()


@pytest.mark.parametrize("effect", [Effect.READ, Effect.WRITE])
def test_an_effect_holds_whatever_the_arguments(effect):
    assert ToolSpec(effect=effect).effect_of({"op": "list"}) is effect


def test_an_effect_may_depend_on_the_arguments():
    spec = ToolSpec(effect=lambda args: Effect.READ if args["op"] == "list" else Effect.WRITE)
    assert spec.effect_of({"op": "list"}) is Effect.READ
    assert spec.effect_of({"op": "create"}) is Effect.WRITE


@pytest.mark.parametrize("effect", ["read", None, 1])
def test_an_effect_is_nothing_else(effect):
    with pytest.raises(ConfigurationError, match=r"Effect\.READ, Effect\.WRITE or a function"):
        ToolSpec(effect=effect)


def test_a_spec_that_says_nothing_more_leaves_the_rest_to_the_handlers():
    spec = ToolSpec(effect=Effect.READ)
    assert spec.allowed_roles is EVERYONE
    assert (spec.cache_ttl_s, spec.rate_limit, spec.timeout_s) == (None, None, None)
    assert spec.results_shared is False


@pytest.mark.parametrize(
    "roles", [["coach", "npc"], ("npc", "coach", "coach"), {"coach", "npc"}, {"coach": 1, "npc": 2}]
)
def test_roles_are_a_set_whatever_they_come_in(roles):
    assert ToolSpec(effect=Effect.READ, allowed_roles=roles).allowed_roles == frozenset({"coach", "npc"})


def test_no_roles_at_all_mean_nobody_and_not_everybody():
    assert ToolSpec(effect=Effect.READ, allowed_roles=()).allowed_roles == frozenset()


@pytest.mark.parametrize("roles", ["coach", 5, {"coach", 5}, [None]])
def test_roles_are_a_set_of_texts(roles):
    with pytest.raises(ConfigurationError, match="a set of texts"):
        ToolSpec(effect=Effect.READ, allowed_roles=roles)


@pytest.mark.parametrize("seconds", [0, 0.5, 60, float("inf")])
def test_a_time_to_live_is_zero_or_more(seconds):
    assert ToolSpec(effect=Effect.READ, cache_ttl_s=seconds).cache_ttl_s == seconds


@pytest.mark.parametrize("seconds", [-1, float("nan"), "60", True])
def test_a_time_to_live_is_nothing_else(seconds):
    with pytest.raises(ConfigurationError, match="cache_ttl_s is seconds, 0 or more"):
        ToolSpec(effect=Effect.READ, cache_ttl_s=seconds)


@pytest.mark.parametrize("seconds", [0.5, 60, float("inf")])
def test_a_timeout_is_above_zero(seconds):
    assert ToolSpec(effect=Effect.READ, timeout_s=seconds).timeout_s == seconds


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "60", True])
def test_a_timeout_is_nothing_else(seconds):
    with pytest.raises(ConfigurationError, match="timeout_s is seconds, above 0"):
        ToolSpec(effect=Effect.READ, timeout_s=seconds)


@pytest.mark.parametrize("limit", ["10/minute", RateLimit("10/minute")], ids=["text", "limit"])
def test_a_rate_limit_may_be_text(limit):
    assert ToolSpec(effect=Effect.READ, rate_limit=limit).rate_limit == RateLimit("10/minute")


@pytest.mark.parametrize("limit", ["often", 10, ("10", "minute")])
def test_a_rate_limit_that_cannot_be_read_is_refused(limit):
    with pytest.raises(ConfigurationError, match="rate limit"):
        ToolSpec(effect=Effect.READ, rate_limit=limit)


@pytest.mark.parametrize("shared", ["no", 1, None])
def test_whether_results_are_shared_is_yes_or_no(shared):
    with pytest.raises(ConfigurationError, match="True or False"):
        ToolSpec(effect=Effect.READ, results_shared=shared)


def test_a_spec_cannot_be_changed_but_replaced():
    spec = ToolSpec(effect=Effect.READ, allowed_roles=["coach"], rate_limit="5/minute")
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.effect = Effect.WRITE
    assert dataclasses.replace(spec, timeout_s=3) == ToolSpec(
        effect=Effect.READ, allowed_roles={"coach"}, rate_limit=RateLimit("5/minute"), timeout_s=3
    )


def test_equal_specs_are_equal_values():
    one, other = (ToolSpec(effect=Effect.READ, allowed_roles=roles) for roles in (["a", "b"], {"b", "a"}))
    assert one == other
    assert hash(one) == hash(other)


def test_a_copy_of_a_spec_is_the_spec_itself():
    assert copy.deepcopy({"spec": UNSPECIFIED})["spec"] is UNSPECIFIED


def test_a_tool_of_which_nothing_is_known_is_taken_for_a_write():
    assert UNSPECIFIED.effect_of({}) is Effect.WRITE
    assert UNSPECIFIED.allowed_roles is EVERYONE


def test_what_a_write_changes_may_be_named_or_worked_out_and_is_unknown_by_default():
    assert ToolSpec(effect=Effect.WRITE).conflict_of({}) is None
    assert ToolSpec(effect=Effect.WRITE, conflicts_with="outbox").conflict_of({"to": "a"}) == "outbox"
    by_account = ToolSpec(effect=Effect.WRITE, conflicts_with=lambda args: f"account {args['id']}")
    assert by_account.conflict_of({"id": 7}) == "account 7"


@pytest.mark.parametrize("conflicts_with", ["", 7, ["outbox"]], ids=repr)
def test_what_a_write_changes_is_a_text_or_a_function(conflicts_with):
    with pytest.raises(ConfigurationError, match="conflicts_with is a text"):
        ToolSpec(effect=Effect.WRITE, conflicts_with=conflicts_with)


def test_how_good_a_result_is_is_told_by_a_function():
    assert ToolSpec(effect=Effect.READ, quality=len).quality is len
    with pytest.raises(ConfigurationError, match="quality is a function of the result"):
        ToolSpec(effect=Effect.READ, quality=0.5)
