"""What every store of statistics must do, in memory or shared. A new one is done when its subclass is green:

```python
class TestMine(ArmStoreContract):
    def store(self):
        return Mine()
```
"""

import threading

from salesboost_tools.selection.arms import ArmStore
from salesboost_tools.selection.statistics import NOTHING, statistics_of

GOOD = statistics_of(True, 1.0, 5.0)
BAD = statistics_of(False, 2.0, 5.0)


class ArmStoreContract:
    def store(self) -> ArmStore:
        raise NotImplementedError

    def test_nothing_is_known_of_an_arm_never_seen(self):
        store = self.store()
        assert store.read("search", ["a", "b"]) == (NOTHING, NOTHING)
        store.add("search", "b", GOOD, used_at_s=1.0)
        assert store.read("search", ["a", "b"]) == (NOTHING, GOOD)

    def test_every_question_is_answered_for_the_arms_it_names(self):
        store = self.store()
        store.add("search", "a", GOOD, used_at_s=1.0)
        store.add("search", "b", BAD, used_at_s=1.0)
        pair, reversed_pair = ("a", "b"), ("b", "a")
        assert store.read("search", pair) == store.read("search", pair) == (GOOD, BAD)
        assert store.read("search", reversed_pair) == (BAD, GOOD)
        assert store.read("search", ("b",)) == (BAD,)
        assert store.read("search", ()) == ()
        assert store.read("search", pair) == (GOOD, BAD)
        arms = ["a", "b"]
        assert store.read("search", arms) == (GOOD, BAD)
        arms.reverse()
        assert store.read("search", arms) == (BAD, GOOD)

    def test_a_question_asked_again_is_answered_with_what_has_come_since(self):
        store, arms = self.store(), ("a", "b")
        store.add("search", "a", GOOD, used_at_s=1.0)
        assert store.read("search", arms) == (GOOD, NOTHING)
        store.add("search", "b", BAD, used_at_s=1.0)
        assert store.read("search", arms) == (GOOD, BAD)

    def test_outcomes_add_up(self):
        store = self.store()
        for outcome in (GOOD, BAD, GOOD):
            store.add("search", "a", outcome, used_at_s=1.0)
        assert store.read("search", ["a"]) == (GOOD.plus(BAD).plus(GOOD),)

    def test_an_arm_is_known_within_its_group_only(self):
        store = self.store()
        store.add("search", "a", GOOD, used_at_s=1.0)
        assert store.read("profile", ["a"]) == (NOTHING,)

    def test_what_was_read_stays_as_it_was(self):
        store = self.store()
        store.add("search", "a", GOOD, used_at_s=1.0)
        (before,) = store.read("search", ["a"])
        store.add("search", "a", BAD, used_at_s=2.0)
        assert before == GOOD

    def test_the_records_hold_everything_and_are_a_snapshot(self):
        store = self.store()
        store.add("search", "a", GOOD, used_at_s=1.0)
        store.add("profile", "b", BAD, used_at_s=2.0, error="TimeoutError")
        records = store.records()
        store.add("search", "a", GOOD, used_at_s=3.0)
        assert records["search"]["a"].statistics == GOOD
        assert records["search"]["a"].last_used_s == 1.0
        assert records["profile"]["b"].last_error == "TimeoutError"

    def test_late_feedback_does_not_turn_back_the_time_of_last_use(self):
        store = self.store()
        store.add("search", "a", GOOD, used_at_s=9.0)
        store.add("search", "a", GOOD, used_at_s=4.0)
        assert store.records()["search"]["a"].last_used_s == 9.0

    def test_the_latest_named_error_stays_known(self):
        store = self.store()
        for error in ("UpstreamError", "TimeoutError", None):
            store.add("search", "a", BAD, used_at_s=1.0, error=error)
        assert store.records()["search"]["a"].last_error == "TimeoutError"

    def test_nothing_is_lost_between_threads(self):
        store = self.store()

        def add_many() -> None:
            for number in range(500):
                store.add("search", "ab"[number % 2], GOOD, used_at_s=1.0)

        threads = [threading.Thread(target=add_many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [known.pulls for known in store.read("search", ["a", "b"])] == [1000, 1000]
