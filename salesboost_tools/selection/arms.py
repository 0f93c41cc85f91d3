"""Where the statistics of arms live: in memory here, behind an interface that a shared store can keep too."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    __slots__ = ("answered", "by_arm", "changes")

    def __init__(self) -> None:
        self.by_arm: dict[str, ArmStatistics] = {}
        self.changes = 0
        self.answered: tuple[Sequence[str], int, tuple[ArmStatistics, ...]] = ((), 0, ())
        """The latest question, how many changes there had been, and the answer."""

    def of(self, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`, in their order; `NOTHING` of an arm never seen.

        Needs no lock. Asked with the same tuple again it gives the same answer again, while nothing has changed.
        """
        asked, changes, answer = self.answered
        if asked is arms and changes == self.changes:
            return answer
        changes, by_arm = self.changes, self.by_arm  # (in this order: what changes meanwhile makes it out of date)
        try:
            answer = (*map(by_arm.__getitem__, arms),)  # (`tuple` of an iterator leaves spare tuples behind)
        except KeyError:
            answer = tuple([by_arm.get(arm, NOTHING) for arm in arms])
        if isinstance(arms, tuple):
            self.answered = (arms, changes, answer)
        return answer

    def put(self, arm: str, statistics: ArmStatistics) -> None:
        """Replace what is known of an arm, with `by_arm` for reading alone. One thread at a time."""
        self.by_arm[arm] = statistics
        self.changes += 1


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
        if known is None:
            return (NOTHING,) * len(arms)
        asked, changes, answer = known.answered  # (as `of` does: on every choice, a call less)
        return answer if asked is arms and changes == known.changes else known.of(arms)

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
                known.put(arm, outcome)
                known.latest[arm] = _Latest(used_at_s, error)
                return outcome
            after = before.plus(outcome)
            known.put(arm, after)
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
