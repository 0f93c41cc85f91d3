"""In no window of time does anybody get more than the cap."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.cap import Cap

START = datetime(2026, 6, 30, tzinfo=UTC)
HOURS = st.integers(0, 60).map(lambda hours: START + timedelta(hours=hours))


def most_in_any_window(times, window):
    return max((sum(first <= time < first + window for time in times) for first in times), default=0)


@given(st.lists(HOURS, max_size=12), st.integers(1, 4), st.integers(1, 24))
def test_messages_that_go_when_they_are_told_to_keep_to_the_cap(wanted, messages, hours):
    cap = Cap(messages, timedelta(hours=hours))
    gone = []
    for moment in wanted:
        free = cap.free_from(gone, moment)
        assert free >= moment
        gone.append(free)
    assert most_in_any_window(gone, cap.window) <= messages


@given(st.lists(HOURS, max_size=8), HOURS, st.integers(1, 3), st.integers(1, 24))
def test_no_earlier_hour_would_have_been_free(others, wanted, messages, hours):
    cap = Cap(messages, timedelta(hours=hours))
    kept = []
    for moment in others:
        kept.append(cap.free_from(kept, moment))
    free = cap.free_from(kept, wanted)
    earlier = wanted
    while earlier < free:
        assert most_in_any_window([*kept, earlier], cap.window) > messages
        earlier += timedelta(hours=1)


@pytest.mark.parametrize(("messages", "hours"), [(0, 1), (1, 0)])
def test_a_cap_that_is_none_is_refused(messages, hours):
    with pytest.raises(ConfigurationError):
        Cap(messages, timedelta(hours=hours))
