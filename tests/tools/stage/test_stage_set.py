"""Own stages stand on the model's: what is covered, what is left out, what cannot be told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.stage import STAGES, StageSet
from salesboost_tools.tools.stage.classifier import BACK_AT_LEAST, SURE_AT_LEAST, settle
from salesboost_tools.tools.stage.stages import NEXT_STEPS

EVENLY = dict.fromkeys(STAGES, 1 / 6)


def test_the_usual_stages_stand_for_themselves():
    usual = StageSet.of()
    assert usual.names == STAGES
    assert usual.shares(EVENLY) == pytest.approx(EVENLY)
    assert set(NEXT_STEPS) == set(STAGES)


def test_some_of_the_usual_stages_share_out_what_the_others_had():
    some = StageSet.of(["discovery", "closing"])
    shares = some.shares({**dict.fromkeys(STAGES, 0.1), "discovery": 0.3, "closing": 0.3})
    assert shares == {"discovery": pytest.approx(0.5), "closing": pytest.approx(0.5)}


@given(
    st.lists(st.floats(0.001, 1), min_size=6, max_size=6),
    st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(lambda groups: len(set(groups) - {3}) >= 2),
)
def test_shares_add_up_to_one_and_joined_stages_to_their_sum(numbers, groups):
    probabilities = {stage: number / sum(numbers) for stage, number in zip(STAGES, numbers, strict=True)}
    parts = {}
    for stage, group in zip(STAGES, groups, strict=True):
        if group != 3:
            parts.setdefault(f"own {group}", []).append(stage)
    shares = StageSet.of(parts).shares(probabilities)
    assert sum(shares.values()) == pytest.approx(1)
    covered = sum(probabilities[part] for covered in parts.values() for part in covered)
    for own, covering in parts.items():
        assert shares[own] == pytest.approx(sum(probabilities[part] for part in covering) / covered)


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        ({}, "at least two"),
        ({"all": list(STAGES)}, "at least two"),
        ({"a": ["opening"], "b": ["negotiation"]}, "'negotiation'; allowed: opening"),
        ({"a": ["opening"], "b": ["opening"]}, "'opening' stands in 'a' and in 'b'"),
        ({"a": ["opening"], "b": []}, "'b' needs"),
        ({"a": ["opening"], " ": ["closing"]}, "needs a name"),
        (["opening", "negotiation"], "allowed: opening"),
    ],
    ids=str,
)
def test_stages_that_cannot_be_used_are_refused_with_what_is_allowed(stages, says):
    with pytest.raises(ConfigurationError, match=says):
        StageSet.of(stages)


def test_a_next_step_for_a_stage_that_is_not_there_is_refused():
    with pytest.raises(ConfigurationError, match=r"unknown \['win'\]"):
        StageSet.of(["opening", "closing"], {"win": "Ring the bell."})


# ---------------------------------------------------------------- the rule against going back

shares_of_six = st.lists(st.floats(0.001, 1), min_size=6, max_size=6).map(
    lambda numbers: {stage: number / sum(numbers) for stage, number in zip(STAGES, numbers, strict=True)}
)


@given(shares_of_six, st.sampled_from([None, *STAGES]), st.booleans())
def test_an_earlier_stage_is_only_chosen_if_something_was_said_and_it_is_clearly_likelier(shares, reached, nod):
    usual = StageSet.of()
    settled = settle(shares, usual, reached, nod=nod)
    if reached is not None and usual.place(settled.stage) < usual.place(reached):
        assert shares[settled.stage] >= BACK_AT_LEAST * shares[reached]
        assert not nod
    if settled.held:
        assert settled.stage == reached
    else:
        assert shares[settled.stage] == max(shares.values())
    assert settled.sure == (shares[settled.stage] >= SURE_AT_LEAST)


@given(shares_of_six, st.booleans())
def test_going_forward_needs_no_more_than_being_likeliest(shares, nod):
    assert settle(shares, StageSet.of(), "opening", nod=nod).stage == max(shares, key=shares.__getitem__)
