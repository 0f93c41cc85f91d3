"""Quiet hours are data: a YAML file, checked as a whole when it is read."""

from collections.abc import Mapping
from datetime import time
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.quiet_hours import Hours, QuietHours, Rule, Window

_FILE = "sms_quiet_hours.yaml"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "every_day": _DAYS,
    "weekdays": _DAYS[:5],
    "weekend": _DAYS[5:],
    **{day: (day,) for day in _DAYS},
}


def _windows(given: object) -> object:
    """Turn '08:00-12:00, 14:00-20:00' into windows; 'none' is a day without any."""
    if not isinstance(given, str):
        raise ValueError(f"write hours in quotes, for example '08:00-20:00' or 'none'; got {given!r}")  # noqa: TRY004  (pydantic collects ValueErrors)
    if given.strip() == "none":
        return ()
    found = tuple(_window(piece) for piece in given.split(","))
    if any(later.start < earlier.end for earlier, later in pairwise(found)):
        raise ValueError(f"windows rise and do not overlap; got {given!r}")
    return found


def _window(piece: str) -> Window:
    start, _, end = (part.strip() for part in piece.partition("-"))
    window = Window(time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end))
    if end != "24:00" and window.end <= window.start:
        raise ValueError(
            f"a window ends after it starts, on the same day ('24:00' at the latest); got {piece.strip()!r}"
        )
    return window


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    basis: Literal["law", "code", "house"]
    source: str = Field(min_length=3)
    hours: dict[str, Annotated[tuple[Window, ...], BeforeValidator(_windows)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _a_day_is_named_once(self) -> Self:
        if unknown := [name for name in self.hours if name not in _GROUPS]:
            raise ValueError(f"unknown days {unknown}; allowed: {', '.join(_GROUPS)}")
        named = [day for group in self.hours for day in _GROUPS[group]]
        if sorted(named) != sorted(_DAYS):
            raise ValueError("every day of the week is named once, alone or in every_day, weekdays, weekend")
        return self

    def as_hours(self, place: str) -> Hours:
        by_day = {day: windows for group, windows in self.hours.items() for day in _GROUPS[group]}
        return Hours(place, tuple(by_day[day] for day in _DAYS), f"{self.basis}: {self.source}")


class _Area(_Entry):
    prefixes: list[Annotated[str, Field(pattern=r"^\+[1-9]\d{1,10}$")]] = Field(min_length=1)


class _Country(_Entry):
    areas: dict[str, _Area] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    elsewhere: _Entry
    countries: dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], _Country]


@cache
def default_quiet_hours() -> QuietHours:
    """Return the shipped hours."""
    return load_quiet_hours(files("salesboost_tools") / "data" / _FILE)


def load_quiet_hours(file: Traversable) -> QuietHours:
    """Read quiet hours from a YAML file; the shipped one shows the form.

    Raises:
        ConfigurationError: The file cannot be read or is wrong; the message says where.
    """
    try:
        entries = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        places = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise ConfigurationError(f"{file}: {'; '.join(places)}") from None
    rules = {
        code: Rule(
            country.as_hours(code),
            {prefix: area.as_hours(name) for name, area in country.areas.items() for prefix in area.prefixes},
        )
        for code, country in entries.countries.items()
    }
    return QuietHours(rules, entries.elsewhere.as_hours("other countries"))
