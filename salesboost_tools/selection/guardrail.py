"""A group whose success falls too low goes back to its default tool for a while, and says so."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from salesboost_tools.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GuardrailEvent:
    """The guardrail took over, or let go again."""

    group: str
    engaged: bool
    """True: the default tool serves from now on. False: the policy chooses again."""
    success_rate: float
    """Of the policy's recent choices, in [0, 1]."""
    at_s: float
    """Seconds on the selector's clock."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """When to stop a policy.

    Args:
        least_success: Success rate of the policy's choices, in (0, 1], below which the first available tool serves.
        window: Over how many outcomes, roughly: each further one counts `1 / window` less. 2 or more. Nothing happens
            before that many are known.
        hold_s: Seconds until the policy may try again, above 0; it then starts with a clean record.
        on_change: Told of every change, for metrics and status; in the thread that noticed it, outside of any lock.

    Raises:
        ConfigurationError: A number is out of range.
    """

    least_success: float
    window: int = 50
    hold_s: float = 300.0
    on_change: Callable[[GuardrailEvent], None] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.least_success <= 1:
            raise ConfigurationError(f"least_success is a rate in (0, 1]; got {self.least_success!r}")
        if not self.window >= 2:
            raise ConfigurationError(f"window is a number of outcomes, 2 or more; got {self.window!r}")
        if not self.hold_s > 0:
            raise ConfigurationError(f"hold_s is seconds, above 0; got {self.hold_s!r}")


@dataclass(slots=True)
class _Record:
    outcomes: int = 0
    weight: float = 0.0
    successes: float = 0.0
    until_s: float | None = None
    """While the default tool serves: until when."""


@dataclass(slots=True)
class GuardrailWatch:
    """The guardrail at work on every group of one selector. Guarded by its owner's lock."""

    rule: Guardrail
    _records: dict[str, _Record] = field(default_factory=dict[str, _Record])
    _untold: deque[GuardrailEvent] = field(default_factory=deque[GuardrailEvent])

    def engaged(self, group: str, now_s: float) -> bool:
        """Return whether the default tool serves the group now."""
        record = self._records.get(group)
        if record is None or record.until_s is None:
            return False
        if now_s < record.until_s:
            return True
        self._records[group] = _Record()
        self._tell(group, engaged=False, rate=record.successes / record.weight, now_s=now_s)
        return False

    def count(self, group: str, *, success: bool, now_s: float) -> None:
        """Count the outcome of a choice the policy made."""
        record = self._records.setdefault(group, _Record())
        if record.until_s is not None:
            return
        keep = 1 - 1 / self.rule.window
        record.outcomes += 1
        record.weight = record.weight * keep + 1
        record.successes = record.successes * keep + success
        rate = record.successes / record.weight
        if record.outcomes >= self.rule.window and rate < self.rule.least_success:
            record.until_s = now_s + self.rule.hold_s
            self._tell(group, engaged=True, rate=rate, now_s=now_s)

    def until_s(self, group: str) -> float | None:
        """Return until when the default tool serves a group, on the selector's clock; None if the policy chooses."""
        record = self._records.get(group)
        return None if record is None else record.until_s

    def tell_changes(self) -> None:
        """Tell what has changed since the last time. The one method to be called without the lock."""
        on_change = self.rule.on_change
        while self._untold:
            try:
                event = self._untold.popleft()
            except IndexError:  # another thread was faster
                return
            if on_change is not None:
                on_change(event)

    def _tell(self, group: str, *, engaged: bool, rate: float, now_s: float) -> None:
        self._untold.append(GuardrailEvent(group, engaged, rate, now_s))
