"""Nobody is texted at night, wherever the number may be."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.phone import Phone, read_phone
from salesboost_tools.tools.sms.quiet_hours import Hours, QuietHours, Window
from salesboost_tools.tools.sms.quiet_hours_file import default_quiet_hours, load_quiet_hours

CLEVELAND, MIAMI, BOISE_OR_LA, DALLAS = "+12165550123", "+13055550123", "+12085550123", "+12145550123"
BERLIN, TORONTO, PARIS, MADRID = "+4915123456789", "+14165550123", "+33612345678", "+34612345678"


def at(zone, *moment):
    return datetime(*moment, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("number", "moment", "allowed_from"),
    [
        (CLEVELAND, at("America/New_York", 2026, 6, 30, 7, 59), at("America/New_York", 2026, 6, 30, 8)),
        (CLEVELAND, at("America/New_York", 2026, 6, 30, 8), None),
        (CLEVELAND, at("America/New_York", 2026, 6, 30, 20, 59, 59), None),
        (CLEVELAND, at("America/New_York", 2026, 6, 30, 21), at("America/New_York", 2026, 7, 1, 8)),
        (MIAMI, at("America/New_York", 2026, 6, 30, 20, 30), at("America/New_York", 2026, 7, 1, 8)),
        (DALLAS, at("America/Chicago", 2026, 7, 5, 9), at("America/Chicago", 2026, 7, 5, 12)),
        # eight in Boise is seven in Los Angeles; nine at night in Boise comes an hour earlier than in Los Angeles
        (BOISE_OR_LA, at("America/Boise", 2026, 6, 30, 8, 30), at("America/Los_Angeles", 2026, 6, 30, 8)),
        (BOISE_OR_LA, at("America/Los_Angeles", 2026, 6, 30, 20, 30), at("America/Los_Angeles", 2026, 7, 1, 8)),
        (TORONTO, at("America/Toronto", 2026, 7, 4, 18), at("America/Toronto", 2026, 7, 5, 10)),
        (BERLIN, at("Europe/Berlin", 2026, 7, 4, 18), at("Europe/Berlin", 2026, 7, 6, 8)),  # no Sundays
        (PARIS, at("Europe/Paris", 2026, 7, 5, 12), at("Europe/Paris", 2026, 7, 6, 8)),
        (MADRID, at("Europe/Madrid", 2026, 6, 30, 9, 30), at("Atlantic/Canary", 2026, 6, 30, 9)),  # not listed
        (CLEVELAND, at("America/New_York", 2026, 3, 8, 1, 30), at("America/New_York", 2026, 3, 8, 8)),  # clocks go on
    ],
)
def test_when_a_text_may_go(number, moment, allowed_from):
    assert default_quiet_hours().allowed_from(read_phone(number), moment) == (allowed_from or moment)


NUMBERS = st.sampled_from([CLEVELAND, MIAMI, BOISE_OR_LA, DALLAS, BERLIN, TORONTO, PARIS, MADRID, "+61412345678"])


MOMENTS = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(NUMBERS, MOMENTS)
def test_the_moment_is_allowed_in_every_zone_and_a_second_earlier_was_not(number, moment):
    rules, phone = default_quiet_hours(), read_phone(number)

    def allowed(when):
        clocks = [ZoneInfo(name) for name in phone.time_zones]
        return all(hours.allow(when.astimezone(zone)) for hours in rules.hours_for(phone) for zone in clocks)

    found = rules.allowed_from(phone, moment)
    assert allowed(found)
    assert found == moment or not allowed(found - timedelta(seconds=1))
    steps = (moment + timedelta(minutes=30 * step) for step in range(int((found - moment) / timedelta(minutes=30))))
    assert found == moment or not any(allowed(each) for each in steps)


def test_hours_that_leave_no_moment_free_are_a_mistake_of_the_set_up():
    def only(start, end):
        return Hours("X", ((Window(time(start), time(end)),),) * 7, "house: test")

    rules = QuietHours({}, only(8, 9))
    with pytest.raises(ConfigurationError, match="no moment free"):
        rules.allowed_from(Phone("+1", "ZZ", ("Asia/Tokyo", "America/New_York")), datetime(2026, 6, 30, tzinfo=UTC))
    never = QuietHours({}, Hours("X", ((),) * 7, "house: test"))
    with pytest.raises(ConfigurationError, match="no moment free"):
        never.allowed_from(Phone("+1", "ZZ", ("Asia/Tokyo",)), datetime(2026, 6, 30, tzinfo=UTC))


def test_every_shipped_rule_says_where_it_comes_from_and_leaves_room():
    rules = default_quiet_hours()
    every = [rules.elsewhere, *(rule.hours for rule in rules.rules.values())]
    every += [hours for rule in rules.rules.values() for hours in rule.by_prefix.values()]
    assert all(hours.source.split(":")[0] in {"law", "code", "house"} for hours in every)
    assert all(any(hours.days) for hours in every)


WRONG = {
    "hours: {every_day: '20:00-08:00'}": "ends after it starts",
    "hours: {every_day: '09:00-12:00, 11:00-13:00'}": "do not overlap",
    "hours: {weekdays: '09:00-12:00'}": "every day of the week is named once",
    "hours: {every_day: '09:00-12:00', sunday: none}": "every day of the week is named once",
    "hours: {someday: '09:00-12:00'}": "unknown days",
    "hours: {every_day: 9}": "in quotes",
    "hours: {every_day: 'late'}": "Invalid isoformat",
}


@pytest.mark.parametrize(("hours", "what"), WRONG.items())
def test_a_wrong_file_says_where_and_what(tmp_path, hours, what):
    file = tmp_path / "hours.yaml"
    file.write_text(f"elsewhere: {{basis: house, source: our own, {hours}}}\ncountries: {{}}\n")
    with pytest.raises(ConfigurationError, match=what) as refused:
        load_quiet_hours(file)
    assert "elsewhere" in str(refused.value)


def test_ones_own_file_may_allow_the_whole_day(tmp_path):
    file = tmp_path / "hours.yaml"
    file.write_text("elsewhere: {basis: house, source: tests, hours: {every_day: '00:00-24:00'}}\ncountries: {}\n")
    midnight = at("Europe/Berlin", 2026, 6, 30, 23, 59, 59)
    assert load_quiet_hours(file).allowed_from(read_phone(BERLIN), midnight) == midnight


def test_a_file_that_is_not_there_is_a_mistake_of_the_set_up(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_quiet_hours(tmp_path / "none.yaml")
