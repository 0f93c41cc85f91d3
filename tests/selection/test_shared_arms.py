"""Workers share what they learn through a ledger in memory."""

import gc
import time
import weakref

import pytest

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.selection import background_merges
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.statistics import statistics_of
from salesboost_tools.state import MemoryState
from salesboost_tools.state.memory_ledger import MemoryLedger
from tests.doubles import FakeClock
from tests.selection.shared_contract import SharedContract

GOOD = statistics_of(True, 1.0, 5.0)


class TestSharedArmsInMemory(SharedContract):
    def ledger(self, **options):
        return MemoryLedger(FakeClock(), **options)

    def lose_everything(self, ledger):
        ledger.lose_everything()


def wait_until(true) -> None:
    give_up_at_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up_at_s
        time.sleep(0.005)


def test_selectors_with_one_state_learn_together_in_the_background():
    state = MemoryState()
    one, two = ToolSelector(state=state, seed=1), ToolSelector(state=state, seed=2)
    _, decision_id = one.select_tool(["a", "b"], available=["a"])
    one.record_feedback(decision_id, True, 100)
    wait_until(lambda: two.get_statistics().get("(unnamed)"))
    assert two.get_statistics()["(unnamed)"]["a"].pulls == 1


def test_while_little_is_known_a_merge_is_due_at_once_and_later_every_second(clock):
    store = SharedArms(MemoryLedger(clock), in_background=False, clock=clock)
    store.merge()
    assert not store.is_due()
    store.add("search", "a", GOOD, used_at_s=1.0)
    assert store.is_due()
    for _ in range(100):
        store.add("search", "a", GOOD, used_at_s=1.0)
    store.merge()
    for number in range(5):
        assert store.is_due() == (number == 5)
        store.add("search", "a", GOOD, used_at_s=1.0)
    assert store.is_due()
    store.merge()
    assert not store.is_due()
    clock.advance(1)
    assert store.is_due()


def test_nobody_is_kept_alive_by_the_background():
    store = SharedArms(MemoryLedger(), merge_every_s=0.01)
    gone = weakref.ref(store)
    del store

    def is_gone() -> bool:
        gc.collect()
        return gone() is None

    wait_until(is_gone)


class CountedLedger(MemoryLedger):
    """Counts exchanges; while `is_down` it does not answer."""

    exchanges = 0
    is_down = False

    def exchange(self, *arguments, **options):
        self.exchanges += 1
        if self.is_down:
            raise StateUnavailableError("down")
        return super().exchange(*arguments, **options)


@pytest.mark.parametrize("is_down", [False, True])
def test_a_closed_store_tells_what_it_has_and_leaves_the_ledger_alone_until_it_is_closed_again(is_down):
    ledger = CountedLedger()
    ledger.is_down = is_down
    store = SharedArms(ledger, merge_every_s=0.02)
    wait_until(lambda: ledger.exchanges > 2)
    thread = background_merges._threads[store]
    ledger.is_down = False
    store.add("search", "a", GOOD, used_at_s=1.0)
    store.close()
    assert not thread.is_alive()
    assert store.unmerged == 0
    exchanges = ledger.exchanges
    store.add("search", "a", GOOD, used_at_s=1.0)
    assert (ledger.exchanges, store.unmerged) == (exchanges, 1)
    store.close()
    store.close()
    assert (ledger.exchanges, store.unmerged) == (exchanges + 1, 0)
    assert SharedArms(ledger, in_background=False).merge()
    assert store.read("search", ["a"])[0].pulls == 2


def test_seconds_between_merges_are_above_0():
    with pytest.raises(ConfigurationError, match="merge_every_s"):
        SharedArms(MemoryLedger(), merge_every_s=0)
