"""An arm as one process follows it: when one more success says little, and that a failure always says something."""

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, statistics_of
from salesboost_tools.selection.track import ArmTrack


class Followed:
    """A track and the totals it follows, one outcome a second."""

    def __init__(self):
        self.track = ArmTrack(RewardWeights(), sharpness=20.0)
        self.totals = NOTHING
        self.now_s = 0.0

    def sees(self, *outcomes: bool, at_once: bool = False) -> "Followed":
        for number, success in enumerate(outcomes, 1):
            self.totals = self.totals.plus(statistics_of(success, 0.5, 5.0))
            self.now_s += 1
            if not at_once or number == len(outcomes):
                self.track.follow(self.totals, self.now_s)
        return self


@pytest.mark.parametrize(("outcomes", "settled"), [(0, False), (19, False), (20, True), (400, True)])
def test_an_arm_is_settled_once_it_is_known_well(outcomes, settled):
    assert Followed().sees(*[True] * outcomes).track.is_settled == settled


def test_an_arm_that_may_be_ill_is_not_settled_until_it_has_proved_healthy():
    arm = Followed().sees(*[True] * 70, False)
    assert not arm.track.is_settled
    assert arm.sees(*[True] * 20).track.is_settled


def test_after_the_totals_were_lost_an_arm_is_not_settled():
    arm = Followed().sees(*[True] * 200)
    arm.totals = NOTHING
    assert not arm.sees(True).track.is_settled


def test_successes_followed_at_once_say_what_they_say_one_by_one():
    one_by_one, at_once = (Followed().sees(*[True] * 70).sees(*[True] * 16, at_once=each) for each in (False, True))
    assert at_once.track.line == pytest.approx(one_by_one.track.line, rel=0.01)
    for arm in (one_by_one, at_once):
        arm.sees(False)
    assert at_once.track.line == pytest.approx(one_by_one.track.line, rel=0.01)
    assert at_once.track.doubt == pytest.approx(one_by_one.track.doubt, rel=0.3)


def test_a_track_goes_on_as_before_after_a_dump_and_a_load():
    arm = Followed().sees(*[True] * 70, False)
    again = ArmTrack(RewardWeights(), sharpness=20.0)
    again.load(arm.track.dump())
    assert again.line == arm.track.line
    assert again.dump() == arm.track.dump()
    for track in (again, arm.track):
        track.follow(arm.totals.plus(ArmStatistics(1, 0, 0.5, 0.1, 0.01)), 99.0)
    assert again.dump() == arm.track.dump()
