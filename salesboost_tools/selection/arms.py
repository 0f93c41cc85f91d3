"""Where the statistics of arms live: in memory here, behind an interface that a shared store can keep too."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from salesboost_tools.selection.statistics import NOTHING, ArmStatistics


class ArmRecord(NamedTuple):
    """Everything stored about one arm of one group."""

    statistics: ArmStatistics = NOTHING
    last_used_s: float | None = None
    """When the latest counted call was chosen, on the selector's clock; None if there was none."""
    last_error: str | None = None
    """What the latest failure that named an error said of itself."""


UNTRIED = ArmRecord()


class Note(NamedTuple):
    """What a policy noted on a choice, on its way to those who understand it."""

    learner: str
    """Whose memories it is for: `Memories.short_name`."""
    text: Any
    """`Choice.note`."""


class ArmStore(Protocol):
    """Statistics per group and arm, shared by every thread and task, perhaps by many workers.

    The one way to write is to add, atomically, so nobody's outcome is lost and the order does not matter. `read`
    stands on the hot path: a store behind a network answers it from a local copy and merges in the background.
    """

    def read(self, group: str, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`, in their order; `NOTHING` for one never seen."""
        ...

    def add(
        self,
        group: str,
        arm: str,
        outcome: ArmStatistics,
        *,
        used_at_s: float,
        error: str | None = None,
        heard_at_s: float | None = None,
        context: Mapping[str, Any] | None = None,
        note: Note | None = None,
    ) -> ArmStatistics:
        """Add the statistics of an outcome; return what is known of the arm then, the very object `read` returns.

        Args:
            group: The group the decision was about.
            arm: The arm that was used.
            outcome: The increments.
            used_at_s: When the call was chosen, in seconds; the latest is kept.
            error: What went wrong, if anything; the latest is kept.
            heard_at_s: When the outcome was known, in seconds; None for `used_at_s`. For other workers' memories.
            context: What was known of the call. For other workers' memories.
            note: What the policy noted on its choice. For other workers' memories of the same policy.
        """
        ...

    def records(self) -> Mapping[str, Mapping[str, ArmRecord]]:
        """Return a snapshot of everything, by group and arm. Not for the hot path."""
        ...


class Known:
    """Statistics by arm, of one group. An arm once known stays known."""

    # (A subclass of `dict` takes twice as long to read: its items are found by way of `__getitem__`.)
    __slots__ = ("_asked", "by_arm")

    def __init__(self) -> None:
        self.by_arm: dict[str, ArmStatistics] = {}
        self._asked: tuple[Sequence[str] | None, Callable[[Any], Any]] = (None, tuple)

    def of(self, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`, in their order; `NOTHING` of an arm never seen."""
        asked, pick = self._asked
        by_arm = self.by_arm
        if asked is arms:
            return pick(by_arm)
        if len(arms) > 1 and isinstance(arms, tuple) and all(arm in by_arm for arm in arms):
            self._asked = (arms, itemgetter(*arms))  # callers ask with the same tuple again; a tuple cannot change
        return tuple([by_arm.get(arm, NOTHING) for arm in arms])


@dataclass(slots=True)
class _Latest:
    """When an arm was used last, and what its latest failure said of itself."""

    used_s: float
    error: str | None


class _Group(Known):
    """What `MemoryArms` keeps of a group: besides the statistics, the latest of each arm."""

    __slots__ = ("latest",)

    def __init__(self) -> None:
        super().__init__()
        self.latest: dict[str, _Latest] = {}


class MemoryArms:
    """An `ArmStore` in this process. Thread-safe; grows with the number of arms, never with the number of calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, _Group] = {}

    def read(self, group: str, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`, without a lock: every entry is immutable and replaced as a whole."""
        known = self._groups.get(group)
        return (NOTHING,) * len(arms) if known is None else known.of(arms)

    def add(
        self,
        group: str,
        arm: str,
        outcome: ArmStatistics,
        *,
        used_at_s: float,
        error: str | None = None,
        heard_at_s: float | None = None,  # noqa: ARG002  (nobody else listens)
        context: Mapping[str, Any] | None = None,  # noqa: ARG002
        note: Note | None = None,  # noqa: ARG002
    ) -> ArmStatistics:
        """Add the statistics of an outcome; return what is known of the arm then."""
        self._lock.acquire()  # (`with` takes twice as long)
        try:
            known = self._groups.get(group)
            if known is None:
                known = self._groups[group] = _Group()
            before = known.by_arm.get(arm)
            if before is None:
                known.by_arm[arm] = outcome
                known.latest[arm] = _Latest(used_at_s, error)
                return outcome
            after = known.by_arm[arm] = before.plus(outcome)
            latest = known.latest[arm]
            if latest.used_s < used_at_s:  # noqa: PLR1730  (on every outcome: a call less)
                latest.used_s = used_at_s
            if error:
                latest.error = error
            return after
        finally:
            self._lock.release()

    def records(self) -> dict[str, dict[str, ArmRecord]]:
        """Return a snapshot of everything, by group and arm."""
        with self._lock:
            return {
                group: {
                    arm: ArmRecord(statistics, known.latest[arm].used_s, known.latest[arm].error)
                    for arm, statistics in known.by_arm.items()
                }
                for group, known in self._groups.items()
            }
