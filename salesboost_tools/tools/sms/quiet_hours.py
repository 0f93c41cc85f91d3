"""When a text may be sent: the hours of its country, in every time zone the number may be in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.phone import Phone

_SEARCHED = timedelta(days=9)
"""A week and the days around it: hours that leave no moment free within it never will."""
_MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class Window:
    """From a local time up to another one on the same day; an `end` of midnight is the end of the day."""

    start: time
    end: time

    def holds(self, moment: time) -> bool:
        """Return whether a local time is inside; the end is outside."""
        return self.start <= moment and (self.end == _MIDNIGHT or moment < self.end)


@dataclass(frozen=True, slots=True)
class Hours:
    """When texts may be sent somewhere.

    Attributes:
        place: What it is about, for people: 'US', 'Florida'.
        days: Windows of Monday to Sunday, each day's in rising order; an empty day allows nothing.
        source: Where it comes from: the law, a code of conduct, a house rule.
    """

    place: str
    days: tuple[tuple[Window, ...], ...]
    source: str

    def allow(self, local: datetime) -> bool:
        """Return whether a text may be sent at this local time."""
        return any(window.holds(local.time()) for window in self.days[local.weekday()])

    def next_start(self, local: datetime) -> datetime | None:
        """Return the start of the first window that begins after this local time; None within nine days."""
        for ahead in range(_SEARCHED.days):
            day = local.date() + timedelta(days=ahead)
            for window in self.days[day.weekday()]:
                start = _at(day, window.start, local)
                if start > local:
                    return start
        return None


def _at(day: date, moment: time, like: datetime) -> datetime:
    return datetime.combine(day, moment, tzinfo=like.tzinfo)


@dataclass(frozen=True, slots=True)
class Rule:
    """The hours of one country.

    Attributes:
        hours: Hold for all its numbers.
        by_prefix: Beginning of the E.164 number -> further hours that hold as well, for example those of a state.
    """

    hours: Hours
    by_prefix: Mapping[str, Hours]


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Rules by country (ISO 3166), and the hours of all other countries."""

    rules: Mapping[str, Rule]
    elsewhere: Hours

    def hours_for(self, phone: Phone) -> Sequence[Hours]:
        """Return all hours that hold for a number: its country's, and those of its area."""
        rule = self.rules.get(phone.region)
        if rule is None:
            return (self.elsewhere,)
        return (rule.hours, *(hours for prefix, hours in rule.by_prefix.items() if phone.e164.startswith(prefix)))

    def allowed_from(self, phone: Phone, moment: datetime) -> datetime:
        """Return the earliest moment from `moment` on at which a text may be sent; `moment` itself if it may go now.

        Every zone the number may be in has to allow it: a number whose area spans two zones is not texted while it is
        night in one of them.

        Args:
            phone: The recipient.
            moment: Aware.

        Raises:
            ConfigurationError: The hours leave no moment free.
        """
        clocks = [(hours, _zone(name)) for hours in self.hours_for(phone) for name in phone.time_zones]
        found, latest = moment.astimezone(UTC), moment + _SEARCHED
        while (later := _refused_until(clocks, found)) is not None:
            found = later
            if found > latest:
                break
        if found > latest:
            places = ", ".join(hours.place for hours in self.hours_for(phone))
            raise ConfigurationError(f"the quiet hours of {places} leave no moment free in {len(clocks)} time zones")
        return max(moment, found)


def _refused_until(clocks: Iterable[tuple[Hours, ZoneInfo]], moment: datetime) -> datetime | None:
    """Return the next start of the first clock that does not allow the moment; None if all allow it."""
    for hours, zone in clocks:
        local = moment.astimezone(zone)
        if not hours.allow(local):
            start = hours.next_start(local)
            return datetime.max.replace(tzinfo=UTC) if start is None else start.astimezone(UTC)
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ConfigurationError(f"this machine knows no time zone {name!r}; run: pip install tzdata") from error
