"""Statistics that many workers share: a copy in this process, merged with the others' in the background."""

import contextlib
import json
import logging
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.selection.arms import ArmRecord, Known, Note
from salesboost_tools.selection.follower import Follower
from salesboost_tools.selection.shared_lessons import (
    SharedLesson,
    amounts_of,
    arm_of,
    heard,
    row_of,
    statistics_from,
    told,
)
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics
from salesboost_tools.state.ledger import Batch, Ledger, News, Told

_MOST_IN_A_BATCH = 200
_MOST_WAITING = 10_000
"""Lessons kept while the ledger does not answer; older ones are then kept as sums alone."""
_EARLY_SHARE = 0.05
_TENSE_EVERY_S = 0.1
_TENSE_FOR_S = 30.0
_FAILURES_IN_A_ROW = 2
"""While an arm that mostly works fails so often in a row, and for a while after, workers merge more often: each would
otherwise find out for itself that it is out of order, and that it is back."""
_SNAPSHOT_EVERY_S = 60.0
_LESSONS_AT_A_TIME = 20
"""A follower is locked for so many lessons at once, so that a choice never waits long."""

_logger = logging.getLogger(__name__)


class SharedArms:
    """An `ArmStore` over a ledger that other workers share.

    `read` and `add` touch the copy in this process alone. `merge` sends what was added and takes over what others
    added: every second in the background, sooner while little is known or an arm goes down, so that workers do not
    all pay for the same experience. After a merge all workers know the same sums. A worker whose ledger does not
    answer goes on with what it knows and catches up later; one that dies takes what it had not merged with it.

    Args:
        ledger: Where the sums are.
        merge_every_s: Seconds between merges, above 0.
        in_background: Merge by itself, in a thread; False leaves it to the caller.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: `merge_every_s` is not above 0.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        merge_every_s: float = 1.0,
        in_background: bool = True,
        clock: Clock | None = None,
    ) -> None:
        if not merge_every_s > 0:
            raise ConfigurationError(f"merge_every_s is seconds, above 0; got {merge_every_s!r}")
        self.merge_every_s = merge_every_s
        self._ledger = ledger
        self._now = clock or time.monotonic
        self._known: dict[str, Known] = {}
        self._latest: dict[str, dict[str, tuple[float, str | None]]] = {}
        self._settled: dict[str, tuple[float, ...]] = {}  # the ledger's sums, as of the last merge
        self._waiting: deque[SharedLesson] = deque()
        self._faded: dict[tuple[str, str], ArmStatistics] = {}  # what has waited too long, as sums
        self._lock = threading.RLock()
        self._merging = threading.Lock()
        self._follower: Follower | None = None
        self._snapshot_at_s = self._now() + _SNAPSHOT_EVERY_S
        self.merged_at_s = self._now()
        """When the last merge ended, on this store's clock."""
        self.failures = 0
        """Merges that failed since the last one that did not."""
        self.wake = threading.Event()
        """Set when a merge should not wait for its time."""
        self.closed = threading.Event()
        """Set when nobody shall merge in the background any more."""
        self._early_at = 1
        self._in_a_row: dict[tuple[str, str], int] = {}  # failures, of arms that failed last
        self._tense_until_s = -math.inf
        self._new_worker()
        if in_background:
            from salesboost_tools.selection.background_merges import merge_in_background  # noqa: PLC0415  (cycle)

            merge_in_background(self)

    def _new_worker(self) -> None:
        self._worker = secrets.token_hex(8)
        self._number = 0
        self._sent: Batch | None = None  # without a reply yet
        self._sent_lessons: list[SharedLesson] = []
        self._sent_faded: dict[tuple[str, str], ArmStatistics] = {}
        self._in_doubt = False  # whether it was sent before, without a reply
        self._epoch: str | None = None
        self._place: int | None = None

    # ------------------------------------------------------------ on the hot path

    def read(self, group: str, arms: Sequence[str]) -> tuple[ArmStatistics, ...]:
        """Return what is known of each of `arms`: without a lock, every entry is replaced as a whole."""
        known = self._known.get(group)
        return (NOTHING,) * len(arms) if known is None else known.of(arms)

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
        """Add the statistics of an outcome; return what is known of the arm then."""
        with self._lock:
            known = self._absorb(group, arm, outcome, used_at_s, error)
            waiting = self._waiting
            known_at_s = used_at_s if heard_at_s is None else heard_at_s
            waiting.append(SharedLesson(group, arm, outcome, used_at_s, known_at_s, error, context, note))
            if len(waiting) >= self._early_at:
                if len(waiting) > _MOST_WAITING:
                    self._let_fade(waiting.popleft())
                self.wake.set()
            return known

    def _absorb(
        self, group: str, arm: str, outcome: ArmStatistics, used_at_s: float, error: str | None
    ) -> ArmStatistics:
        known = self._known.get(group)
        if known is None:
            known = self._known[group] = Known()
        before = known.by_arm.get(arm)
        after = outcome if before is None else before.plus(outcome)
        known.put(arm, after)
        self._note(group, arm, used_at_s, error)
        if not outcome.successes or self._in_a_row:
            self._watch((group, arm), after, failed=not outcome.successes)
        return after

    def _watch(self, place: tuple[str, str], known: ArmStatistics, *, failed: bool) -> None:
        """Count failures in a row; where an arm that mostly works begins or ends a row, others should know soon."""
        before = self._in_a_row.pop(place, 0)
        if failed:
            self._in_a_row[place] = before + 1
        if known.successes > known.pulls / 2 and before + failed >= _FAILURES_IN_A_ROW:
            self._tense_until_s = self._now() + _TENSE_FOR_S
            self.wake.set()

    def _note(self, group: str, arm: str, used_at_s: float, error: str | None) -> None:
        latest = self._latest.setdefault(group, {})
        before = latest.get(arm)
        latest[arm] = (used_at_s, error) if before is None else (max(before[0], used_at_s), error or before[1])

    def _let_fade(self, lesson: SharedLesson) -> None:
        place = lesson.group, lesson.arm
        self._faded[place] = self._faded.get(place, NOTHING).plus(lesson.outcome)

    # ------------------------------------------------------------ for people

    def records(self) -> dict[str, dict[str, ArmRecord]]:
        """Return a snapshot of everything, by group and arm. Of other workers' last uses what has been heard."""
        with self._lock:
            return {
                group: {
                    arm: ArmRecord(statistics, *self._latest.get(group, {}).get(arm, (None, None)))
                    for arm, statistics in known.by_arm.items()
                }
                for group, known in self._known.items()
            }

    @property
    def unmerged(self) -> int:
        """How many outcomes of this worker the others have not been told of, as far as it knows."""
        return len(self._waiting) + len(self._sent_lessons)

    # ------------------------------------------------------------ merging

    def follow(self, follower: Follower) -> None:
        """Let somebody learn from other workers' outcomes, and begin with what they know.

        Only the first can; others learn through the sums alone.
        """
        if self._follower is None:
            self._follower = follower
        self.merge()

    def is_due(self) -> bool:
        """Return whether it is time to merge."""
        return self.wake.is_set() or self._now() - self.merged_at_s >= self.pause_s

    @property
    def pause_s(self) -> float:
        """Seconds between merges at present."""
        return min(_TENSE_EVERY_S, self.merge_every_s) if self._now() < self._tense_until_s else self.merge_every_s

    def merge(self) -> bool:
        """Send what was added here and take over what was added elsewhere; False if the ledger did not answer."""
        with self._merging:
            self.wake.clear()
            try:
                self._merge()
            except StateUnavailableError as error:
                self.failures += 1
                if self.failures == 1:
                    _logger.warning("selection goes on alone: %s", error)
                return False
            finally:
                self.merged_at_s = self._now()
                with self._lock:
                    total = sum(known.pulls for group in self._known.values() for known in group.by_arm.values())
                    self._early_at = min(max(1, int(total * _EARLY_SHARE)), _MOST_WAITING // 10)
            if self.failures:
                _logger.info("selection shares its state again, after %d merges that failed", self.failures)
            self.failures = 0
            return True

    def _merge(self) -> None:
        if self._place is None and self._epoch is None:
            self._begin()
        while True:
            snapshot = self._cut()
            try:
                news = self._ledger.exchange(self._sent, epoch=self._epoch, place=self._place)
            except StateUnavailableError:
                self._in_doubt = self._sent is not None
                raise
            if self._epoch is not None and news.epoch != self._epoch:
                self._start_again(news.epoch)
                continue
            self._take_over(news, acknowledged=True)
            if snapshot is not None and self._follower is not None:
                self._ledger.keep(self._follower.name, snapshot, at_most_every_s=_SNAPSHOT_EVERY_S)
            if not self._waiting:
                return

    def _begin(self) -> None:
        """Take over what a new worker needs: a follower's snapshot and what came after it, else the sums."""
        follower = self._follower
        text = None if follower is None else self._ledger.kept(follower.name)
        if follower is not None and text is not None:
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, ConfigurationError):
                kept = json.loads(text)
                news = self._ledger.exchange(None, epoch=kept["epoch"], place=int(kept["place"]))
                if news.complete and self._became(follower, kept):
                    self._epoch = news.epoch
                    own = kept["worker"], int(kept["number"])
                    rest = [each for each in news.told if each.worker != own[0] or each.number > own[1]]
                    self._take_over(news, acknowledged=False, rest=rest)
                    return
        news = self._ledger.exchange(None, epoch=None, place=None)
        self._epoch = news.epoch
        self._take_over(news, acknowledged=False)

    def _became(self, follower: Follower, kept: Mapping[str, Any]) -> bool:
        sums = {row: tuple(map(float, amounts)) for row, amounts in kept["sums"].items()}
        with follower.lock, self._lock:
            if self._known or not follower.load(kept["learnt"]):
                return False
            self._settle(sums)
            return True

    def _start_again(self, epoch: str) -> None:
        """The ledger has lost everything: give back what is known, unless somebody else has; never twice.

        What was sent before without a reply may be among what another worker gives back, so it is let go.
        """
        self._ledger.restore(self._settled, epoch=epoch)
        with self._lock:
            if not self._in_doubt:
                self._waiting.extendleft(reversed(self._sent_lessons))
                for place, sums in self._sent_faded.items():
                    self._faded[place] = self._faded.get(place, NOTHING).plus(sums)
            self._new_worker()
            self._epoch = epoch

    def _cut(self) -> str | None:
        """Put what waits into a batch, unless one is on its way; return a snapshot of all before it, if it is time."""
        follower = self._follower
        with contextlib.nullcontext() if follower is None else follower.lock, self._lock:
            if self._sent is not None:
                return None
            lessons = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_IN_A_BATCH))]
            faded, self._faded = self._faded, {}
            amounts: dict[str, ArmStatistics] = {row_of(*place): sums for place, sums in faded.items()}
            for lesson in lessons:
                row = row_of(lesson.group, lesson.arm)
                amounts[row] = amounts.get(row, NOTHING).plus(lesson.outcome)
            if amounts:
                self._number += 1
                self._sent_lessons, self._sent_faded, self._in_doubt = lessons, faded, False
                self._sent = Batch(
                    self._worker,
                    self._number,
                    {row: amounts_of(sums) for row, sums in amounts.items()},
                    told(lessons),
                )
            if follower is None or self._waiting or self._place is None or self._now() < self._snapshot_at_s:
                return None
            self._snapshot_at_s = self._now() + _SNAPSHOT_EVERY_S
            sums = {
                row_of(group, arm): amounts_of(known)
                for group, arms in self._known.items()
                for arm, known in arms.by_arm.items()
            }
            place = {"epoch": self._epoch, "place": self._place, "worker": self._worker, "number": self._number}
            return json.dumps({**place, "sums": sums, "learnt": follower.dump()})

    def _take_over(self, news: News, *, acknowledged: bool, rest: Sequence[Told] | None = None) -> None:
        for batch in news.told if rest is None else rest:
            if batch.worker != self._worker:
                self._hear(heard(batch.text))
        follower = self._follower
        with contextlib.nullcontext() if follower is None else follower.lock, self._lock:
            self._place = news.place
            if acknowledged:
                self._sent, self._sent_lessons, self._sent_faded = None, [], {}
                if not news.accepted:
                    self._new_worker_keeps_place()
            self._settle(news.sums)

    def _new_worker_keeps_place(self) -> None:
        epoch, place = self._epoch, self._place
        self._new_worker()
        self._epoch, self._place = epoch, place

    def _hear(self, lessons: Sequence[SharedLesson]) -> None:
        follower = self._follower
        for start in range(0, len(lessons), _LESSONS_AT_A_TIME):
            with contextlib.nullcontext() if follower is None else follower.lock:
                for lesson in lessons[start : start + _LESSONS_AT_A_TIME]:
                    with self._lock:
                        self._absorb(lesson.group, lesson.arm, lesson.outcome, lesson.used_at_s, lesson.error)
                    if follower is not None:
                        follower.learn_from(lesson)

    def _settle(self, sums: Mapping[str, tuple[float, ...]]) -> None:
        """Take over the ledger's sums, and add what it has not been told."""
        self._settled.update(sums)
        untold: dict[tuple[str, str], ArmStatistics] = dict(self._faded)
        for place, faded in self._sent_faded.items():
            untold[place] = untold.get(place, NOTHING).plus(faded)
        for lesson in (*self._sent_lessons, *self._waiting):
            place = lesson.group, lesson.arm
            untold[place] = untold.get(place, NOTHING).plus(lesson.outcome)
        for row, amounts in sums.items():
            place = arm_of(row)
            if place is not None:
                known, mine = statistics_from(amounts), untold.get(place)
                self._known.setdefault(place[0], Known()).put(place[1], known if mine is None else known.plus(mine))

    # ------------------------------------------------------------ beginning and end

    def close(self) -> None:
        """End the merges in the background, and tell the others what they have not been told.

        What is added later is told by the next `close`, or when the process ends while this is held.
        """
        from salesboost_tools.selection.background_merges import end_merges  # noqa: PLC0415  (cycle)

        self.closed.set()
        end_merges(self)
        if self.unmerged:
            self.merge()

    def forked(self) -> None:
        """Begin anew in a child process: what waits is the parent's to tell, and so is its number."""
        self._lock, self._merging, self.wake = threading.RLock(), threading.Lock(), threading.Event()
        closed, self.closed = self.closed.is_set(), threading.Event()
        if closed:
            self.closed.set()
        self._waiting.clear()
        self._faded = {}
        self._new_worker_keeps_place()
        self._known = {}
        self._settle(self._settled)
