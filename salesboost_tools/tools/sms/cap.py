"""At most so many messages to one person in any window of time."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from salesboost_tools.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `messages` to one recipient in any `window`, however it is laid.

    Raises:
        ConfigurationError: A number is out of range.
    """

    messages: int
    window: timedelta

    def __post_init__(self) -> None:
        if self.messages < 1 or self.window <= timedelta(0):
            raise ConfigurationError(
                f"a cap is 1 or more messages in a window above 0; got {self.messages} in {self.window}"
            )

    def free_from(self, taken: Iterable[datetime], wanted: datetime) -> datetime:
        """Return the earliest moment from `wanted` on at which one more message keeps to the cap.

        Args:
            taken: When the other messages went or will go, in any order.
            wanted: When this one should go.
        """
        times = sorted(taken)
        candidates = [wanted, *(time + self.window for time in times if time + self.window > wanted)]
        return next(moment for moment in candidates if self._fits(times, moment))

    def _fits(self, times: list[datetime], moment: datetime) -> bool:
        """Return whether no half-open window of the cap's length holds more than `messages`, `moment` included."""
        at = bisect_right(times, moment)
        with_it = [*times[:at], moment, *times[at:]]
        pairs = zip(with_it, with_it[self.messages :], strict=False)
        around = (last - first for first, last in pairs if first <= moment <= last)
        return all(span >= self.window for span in around)
