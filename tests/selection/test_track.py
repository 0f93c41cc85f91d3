"""An arm as one process follows it: what a success tells of a well-known arm can wait, what a failure tells cannot."""

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, statistics_of
from salesboost_tools.selection.track import ArmTrack


class Followed:
    """A track and the totals it follows, one outcome a second."""

    def __init__(self, *, at_once: bool = False):
        self.track = ArmTrack(RewardWeights(), sharpness=20.0)
        self.totals = NOTHING
        self.now_s = 0.0
        self._at_once = at_once

    def sees(self, *outcomes: bool) -> "Followed":
        for success in outcomes:
            self.totals = self.totals.plus(statistics_of(success, 0.5, 5.0))
            self.now_s += 1
            if self._at_once or not self.track.puts_off(self.totals):
                self.track.follow(self.totals, self.now_s)
        return self


@pytest.mark.parametrize("outcomes", [0, 10, 49])
def test_of_an_arm_hardly_known_every_success_is_learnt_at_once(outcomes):
    arm = Followed().sees(*[True] * outcomes)
    before = arm.track.line
    assert arm.sees(True).track.line != before


def test_successes_of_an_arm_known_well_are_learnt_sixteen_at_once():
    arm = Followed().sees(*[True] * 60)
    moved = []
    for _ in range(32):
        before = arm.track.line
        moved.append(arm.sees(True).track.line != before)
        assert arm.track.totals is arm.totals
    assert moved.count(True) == 2
    assert moved.index(True, moved.index(True) + 1) - moved.index(True) == 16


def test_a_failure_is_learnt_at_once_and_after_the_successes_before_it():
    waits, never = (Followed(at_once=at_once).sees(*[True] * 70) for at_once in (False, True))
    for arm in (waits, never):
        arm.sees(False)
    assert waits.track.line == pytest.approx(never.track.line, rel=0.01)
    assert waits.track.doubt == pytest.approx(never.track.doubt, rel=0.3)
    assert waits.track.doubt > 1e-3  # the other way round the successes would have taken it back


def test_while_an_arm_may_be_ill_every_success_is_learnt_at_once():
    arm = Followed().sees(*[True] * 70, False)
    doubt = arm.track.doubt
    assert arm.sees(True).track.doubt < doubt


def test_successes_that_never_come_to_be_learnt_change_little():
    waits, never = (Followed(at_once=at_once).sees(*[True] * 95) for at_once in (False, True))
    assert waits.track.line == pytest.approx(never.track.line, rel=0.15)


def test_after_the_totals_were_lost_outcomes_are_learnt_as_they_come():
    arm = Followed().sees(*[True] * 200)
    arm.totals = NOTHING
    before = arm.sees(True).track.line
    assert arm.sees(True).track.line != before


def test_what_waits_still_waits_after_a_dump_and_a_load():
    arm = Followed().sees(*[True] * 70)
    again = ArmTrack(RewardWeights(), sharpness=20.0)
    again.load(arm.track.dump())
    assert again.line == arm.track.line
    assert again.dump() == arm.track.dump()
    for track in (again, arm.track):
        track.follow(arm.totals.plus(ArmStatistics(1, 0, 0.5, 0.1, 0.01)), 99.0)
    assert again.dump() == arm.track.dump()
