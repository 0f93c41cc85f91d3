"""When to stop calling something that keeps failing, and how to find out that it works again.

Circuit breaker after M. Nygard, Release It! (2nd ed. 2018, section 5.3), as a pure state machine: time is an argument,
a state is a value, and whoever holds the state decides how it is shared.

```
closed ──(enough failures of late)──► open ──(open_ns later, one probe)──► half-open
  ▲                                    ▲                                       │
  └────────── the probe succeeds ──────┴──────────── the probe fails ◄─────────┘
```
"""

from dataclasses import dataclass, replace
from enum import Enum

from salesboost_tools.core.clock import nanoseconds
from salesboost_tools.core.errors import ConfigurationError


class CircuitState(Enum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    """Lets it pass."""
    OPEN = "open"
    """Refuses it."""
    HALF_OPEN = "half_open"
    """One probe is under way, or may start; everybody else is refused until it has ended."""


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When a breaker opens and for how long.

    Attributes:
        failure_threshold: How many failures open it, at least 1.
        window_ns: They must lie within this time, above 0.
        open_ns: How long it stays open before a probe, above 0; also how long a probe keeps its place without a word.
        failure_share: Failures must be at least this share of the calls that ended since the first of them, in
            (0, 1]; so that a busy tool with a few failures among many successes is not cut off.
    """

    failure_threshold: int
    window_ns: int
    open_ns: int
    failure_share: float


def breaker_rule(failure_threshold: int, window_s: float, open_s: float, failure_share: float) -> BreakerRule:
    """Return the rule in nanoseconds.

    Raises:
        ConfigurationError: A number is out of range.
    """
    if failure_threshold < 1:
        raise ConfigurationError(f"failure_threshold is a number of failures, 1 or more; got {failure_threshold!r}")
    if not (window_s > 0 and open_s > 0):
        raise ConfigurationError(f"window_s and open_s are seconds, above 0; got {window_s!r} and {open_s!r}")
    if not 0 < failure_share <= 1:
        raise ConfigurationError(f"failure_share is a share of calls, above 0 and at most 1; got {failure_share!r}")
    return BreakerRule(failure_threshold, nanoseconds(window_s), nanoseconds(open_s), failure_share)


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one thing that may fail. A breaker nobody has seen fail is `Breaker()`.

    Attributes:
        epoch: Counts changes; an outcome is believed only in the epoch in which its call was let through.
        failures: While closed, the last failures, at most `failure_threshold`: when (ns), and how many successes had
            been counted by then.
        successes: How many successes were counted since the first failure remembered.
        open_until_ns: While open, when a probe may start; None while closed.
        probe_until_ns: While a probe is under way, how long it keeps its place; else None.
    """

    epoch: int = 0
    failures: tuple[tuple[int, int], ...] = ()
    successes: int = 0
    open_until_ns: int | None = None
    probe_until_ns: int | None = None


UNTROUBLED = Breaker()


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to one call.

    Attributes:
        breaker: The state from now on.
        wait_ns: 0 if the call may go on; else how long it is refused. Exact while open; while a probe is under way,
            the longest it can take.
    """

    breaker: Breaker
    wait_ns: int = 0


def state_at(breaker: Breaker, now_ns: int) -> CircuitState:
    """Return what the breaker does with a call at `now_ns`."""
    if breaker.open_until_ns is None:
        return CircuitState.CLOSED
    if now_ns < breaker.open_until_ns:
        return CircuitState.OPEN
    return CircuitState.HALF_OPEN


def admit(breaker: Breaker, rule: BreakerRule, now_ns: int) -> Admission:
    """Decide whether a call may go on; once the breaker has been open long enough, exactly one may, as a probe.

    A probe of which nothing is heard for `open_ns` loses its place, so that a lost one does not shut everybody out.
    """
    if breaker.open_until_ns is None:
        return Admission(breaker)
    held_until_ns = breaker.open_until_ns if breaker.probe_until_ns is None else breaker.probe_until_ns
    if now_ns < held_until_ns:
        return Admission(breaker, held_until_ns - now_ns)
    return Admission(replace(breaker, epoch=breaker.epoch + 1, probe_until_ns=now_ns + rule.open_ns))


def after_success(breaker: Breaker, rule: BreakerRule, epoch: int, now_ns: int) -> Breaker:
    """Return the state after a call of that epoch succeeded: a probe closes the breaker."""
    if epoch != breaker.epoch:
        return breaker
    if breaker.open_until_ns is not None:
        return Breaker(epoch=epoch + 1)
    if breaker.failures and breaker.failures[-1][0] <= now_ns - rule.window_ns:
        return replace(breaker, failures=(), successes=0)
    return replace(breaker, successes=breaker.successes + 1)


def after_failure(breaker: Breaker, rule: BreakerRule, epoch: int, now_ns: int) -> Breaker:
    """Return the state after a call of that epoch failed: a probe opens it again, too many failures open it."""
    if epoch != breaker.epoch:
        return breaker
    opened = Breaker(epoch=epoch + 1, open_until_ns=now_ns + rule.open_ns)
    if breaker.open_until_ns is not None:
        return opened
    recent = tuple(failure for failure in breaker.failures if failure[0] > now_ns - rule.window_ns)
    failures = (*recent, (now_ns, breaker.successes))[-rule.failure_threshold :]
    if len(failures) == rule.failure_threshold:
        among = len(failures) + breaker.successes - failures[0][1]
        if len(failures) >= rule.failure_share * among:
            return opened
    return replace(breaker, failures=failures)


def after_nothing(breaker: Breaker, epoch: int) -> Breaker:
    """Return the state after a call of that epoch ended without telling anything: cancelled, refused, bad input.

    A probe gives its place back; the next call is a probe.
    """
    if epoch != breaker.epoch or breaker.probe_until_ns is None:
        return breaker
    return replace(breaker, epoch=epoch + 1, probe_until_ns=None)


def last_change_ns(breaker: Breaker) -> int:
    """Return when a breaker last counted something, or will do something by itself; 0 if it has nothing to say."""
    failed_at_ns = breaker.failures[-1][0] if breaker.failures else 0
    return max(failed_at_ns, breaker.open_until_ns or 0, breaker.probe_until_ns or 0)
