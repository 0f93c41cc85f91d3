"""Redis keeps every promise that memory keeps."""

import pytest

from salesboost_tools.state import MISSING
from salesboost_tools.state.redis_cache import RedisCache
from salesboost_tools.state.redis_limits import RedisLimits
from salesboost_tools.state.redis_records import RedisRecords
from salesboost_tools.state.remembering_records import RememberingRecords
from tests.state.contracts import CacheStoreContract, LimitStoreContract
from tests.state.redis.conftest import new_prefix
from tests.state.redis.doubles import AgeingClock, ScriptsOnTestClock, StretchedTimesToLive
from tests.state.shared_contracts import (
    LeaseStoreContract,
    LimitsTogetherContract,
    RecordStoreContract,
    StaleCacheContract,
)


class OnRedis:
    @pytest.fixture(autouse=True)
    def _new_state(self, new_state):
        self.new_state = new_state
        self.state = new_state()


class LimitsOnRedis(OnRedis):
    def make(self, clock):
        if clock is None:
            return self.new_state().limits
        return RedisLimits(ScriptsOnTestClock(self.state, clock, expiring=False), new_prefix())


class OnAgeingRedis(OnRedis):
    @pytest.fixture
    def clock(self):
        return AgeingClock()

    def aged(self, clock, **options):
        prefix = new_prefix()
        state = self.new_state(prefix=prefix, clock=clock, **options)
        if clock is not None:
            clock.watch(state, prefix)
        return state


class TestRedisLimits(LimitsOnRedis, LimitStoreContract):
    pass


class TestRedisLimitsTogether(LimitsOnRedis, LimitsTogetherContract):
    pass


class CacheOnAgeingRedis(OnAgeingRedis):
    def make(self, clock):
        prefix = new_prefix()
        if clock is not None:
            clock.watch(self.state, prefix, StretchedTimesToLive.TIMES)
        return RedisCache(StretchedTimesToLive(self.state), prefix, max_value_bytes=10_000, clock=clock)


class TestRedisCache(CacheOnAgeingRedis, CacheStoreContract):
    @pytest.fixture(params=["sync", "async"])
    def get_entry(self, request, store):
        """Reads as the contract does; the server's clock runs on while the test's stands, so tenths of seconds count."""

        async def get_entry(key="tool:1"):
            entry = store.get_entry(key) if request.param == "sync" else await store.aget_entry(key)
            return entry if entry is MISSING else entry._replace(age_s=round(entry.age_s, 1))

        return get_entry


class TestRedisStaleCache(CacheOnAgeingRedis, StaleCacheContract):
    pass


class TestRedisLeases(OnAgeingRedis, LeaseStoreContract):
    def make(self, clock):
        return self.aged(clock).leases


class TestRedisRecords(OnAgeingRedis, RecordStoreContract):
    def make(self, clock):
        prefix = new_prefix()
        clock.watch(self.state, prefix)
        return RedisRecords(ScriptsOnTestClock(self.state, clock, expiring=True), prefix, keep_unknown_s=3600)


class TestRedisRecordsThatAreRemembered(TestRedisRecords):
    def make(self, clock):
        return RememberingRecords(super().make(clock), keep_unknown_s=3600, clock=clock)
