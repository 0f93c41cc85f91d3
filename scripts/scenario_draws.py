"""How generate_scenario.py draws: dice, working hours, telephone numbers kept for fiction."""  # noqa: INP001  (a script, not a package)

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")


class Dice(Random):
    """Draws that rest on `random()` alone."""

    def share(self) -> float:
        """Return a number in [0, 1)."""
        return self.random()

    def between(self, low: int, high: int) -> int:
        """Return a whole number in [low, high]."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[int(self.random() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Return one of the keys, as often as its weight says."""
        left = self.random() * sum(weights.values())
        for option, weight in weights.items():
            left -= weight
            if left < 0:
                return option
        return list(weights)[-1]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options, in their order."""
        chosen = sorted(sorted(range(len(options)), key=lambda _: self.random())[:count])
        return [options[at] for at in chosen]


def workday(dice: Dice, moment: datetime) -> datetime:
    """Return a moment in working hours of the same day, or of the Friday before."""
    day = moment.date() - timedelta(days=max(0, moment.weekday() - 4))
    return datetime.combine(day, time(dice.between(8, 16), 5 * dice.between(0, 11)), UTC)


def spread(dice: Dice, first: datetime, last: datetime, count: int) -> list[datetime]:
    """Return `count` working moments from `first` to `last`, both kept."""
    between = [workday(dice, first + (last - first) * (at / count)) for at in range(1, count - 1)]
    inner = sorted(min(max(moment, first), last) for moment in between)
    return [first, *inner, last] if count > 1 else [last]


def phone(dice: Dice, place: Mapping[str, Any]) -> str:
    """Return a number from a range kept for fiction; empty where there is none."""
    if place["country"] in {"US", "CA"}:
        return f"+1-{place['area']}-555-{dice.between(100, 199):04}"
    return f"+44 7700 900{dice.between(0, 999):03}" if place["country"] == "GB" else ""
