"""Memory keeps the promises made for several workers, for the threads and tasks of one."""

import pytest

from salesboost_tools.state import MemoryCache, MemoryLeases, MemoryLimits, MemoryRecords
from tests.state.shared_contracts import (
    LeaseStoreContract,
    LimitsTogetherContract,
    RecordStoreContract,
    StaleCacheContract,
    way,
)

__all__ = ["way"]  # a fixture


class TestMemoryLimitsTogether(LimitsTogetherContract):
    def make(self, clock):
        return MemoryLimits(clock)


class TestMemoryStaleCache(StaleCacheContract):
    def make(self, clock):
        return MemoryCache(clock)


class TestMemoryLeases(LeaseStoreContract):
    def make(self, clock):
        return MemoryLeases(clock)


class TestMemoryRecords(RecordStoreContract):
    def make(self, clock):
        return MemoryRecords(clock, keep_unknown_s=3600)


def test_leases_that_ended_do_not_stay_for_ever(clock):
    leases = MemoryLeases(clock)
    for number in range(10_000):
        leases.acquire(f"job {number}", 1)
        clock.advance(1)
    assert len(leases) < 2048


def test_records_whose_time_is_up_do_not_stay_for_ever(clock):
    records = MemoryRecords(clock, keep_unknown_s=10)
    for number in range(10_000):
        records.begin(f"write {number}", "f", 1)
        clock.advance(1)
    assert len(records) < 2048


@pytest.mark.parametrize("count", [5000])
def test_a_record_never_leaves_for_want_of_room(clock, count):
    records = MemoryRecords(clock)
    for number in range(count):
        records.begin(f"write {number}", "f", 60)
    assert len(records) == count
